"""Azure's module names for what the runtime offers scripts (azure.md 7.6, item 3).

Scripts import these names whether or not Azure's packages are installed. The modules that
act on this process are always ours; the packages around them only where there are none.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_MODULES = {
    "azureml.contrib.services.aml_request": "runtime.aml_request",
    "azureml.contrib.services.aml_response": "runtime.aml_response",
    "azureml_inference_server_http.api.aml_request": "runtime.aml_request",
    "azureml_inference_server_http.api.aml_response": "runtime.aml_response",
    "azureml_inference_server_http.log_config": "runtime.logs",
}
_PACKAGES = {name.rpartition(".")[0] for name in _MODULES}
_PACKAGES |= {package.rpartition(".")[0] for package in _PACKAGES if "." in package} | {"azureml"}


def install() -> None:
    """Makes the names importable; costs nothing until a script imports one."""
    sys.meta_path.insert(0, _OurModules())
    sys.meta_path.append(_MissingPackages())


class _SameModule(Loader):
    """Gives a module of ours under another name: one object, one state."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - the interface's
        return importlib.import_module(self._name)

    def exec_module(self, module: ModuleType) -> None:
        """It has been executed under its own name."""


class _OurModules(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the interface's
        target: ModuleType | None = None,  # noqa: ARG002 - the interface's
    ) -> ModuleSpec | None:
        ours = _MODULES.get(fullname)
        return ModuleSpec(fullname, _SameModule(ours)) if ours else None


class _MissingPackages(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the interface's
        target: ModuleType | None = None,  # noqa: ARG002 - the interface's
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, None, is_package=True) if fullname in _PACKAGES else None

"""What conda files say, in pip's words."""

import pytest

from router.control_plane.environments.conda_file import read
from router.core.errors import BadRequest


@pytest.mark.parametrize(
    ("entry", "requirement"),
    [
        ("numpy", "numpy"),
        ("NumPy", "numpy"),
        ("numpy=2.3.1", "numpy==2.3.1.*"),
        ("numpy=2.3", "numpy==2.3.*"),
        ("numpy=2.*", "numpy==2.*"),
        ("numpy=2*", "numpy==2.*"),
        ("numpy==2.3.1", "numpy==2.3.1"),
        ("numpy=2.3.1=py312h1", "numpy==2.3.1"),
        ("numpy==2.3.1=py312h1", "numpy==2.3.1"),
        ("numpy 2.3.1", "numpy==2.3.1"),
        ("numpy 2.3.*", "numpy==2.3.*"),
        ("numpy 2.3.1 py312h1", "numpy==2.3.1"),
        ("numpy>=2", "numpy>=2"),
        ("numpy >=2,<3", "numpy>=2,<3"),
        ("numpy >= 2, < 3", "numpy>=2,<3"),
        ("numpy!=2.1", "numpy!=2.1"),
        ("numpy!=2.1.*", "numpy!=2.1.*"),
        ("numpy>=2.1.*", "numpy>=2.1"),
        ("numpy 2.*,!=2.1", "numpy==2.*,!=2.1"),
        ("numpy == 2.3.1", "numpy==2.3.1"),
        ("numpy~=2.1", "numpy~=2.1"),
        ("numpy=*", "numpy"),
        ("numpy *", "numpy"),
        ("conda-forge::numpy=2.3.1", "numpy==2.3.1.*"),
        ("conda-forge/linux-64::numpy", "numpy"),
        ("scikit-learn=1.7.0", "scikit-learn==1.7.0.*"),
        ("pytorch=2.5", "torch==2.5.*"),
        ("opencv", "opencv-python-headless"),
        ("py-opencv", "opencv-python-headless"),
        ("py-xgboost>=2", "xgboost>=2"),
        ("msgpack-python", "msgpack"),
        ("pytables=3", "tables==3.*"),
        ("ruamel_yaml", "ruamel.yaml"),
        ("matplotlib-base", "matplotlib"),
        ("psycopg2", "psycopg2-binary"),
        ("faiss", "faiss-cpu"),
        ("tensorflow-gpu=2.16", "tensorflow==2.16.*"),
        ("pyarrow-core", "pyarrow"),
        ("dask-core", "dask"),
    ],
)
def test_a_package_keeps_its_pin_and_gets_its_name_at_pypi(entry: str, requirement: str) -> None:
    assert read({"dependencies": [entry]}).requirements == (requirement,)


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        ("python", None),
        ("python *", None),
        ("python=3.12", "==3.12.*"),
        ("python=3.12.4", "==3.12.4.*"),
        ("python==3.11.9", "==3.11.9"),
        ("python 3.11", "==3.11"),
        ("python=3.12.*", "==3.12.*"),
        ("python=3", "==3.*"),
        ("python>=3.11", ">=3.11"),
        ("python>=3.11,<3.13", ">=3.11,<3.13"),
        ("python >=3.11, <3.13.*", ">=3.11,<3.13"),
        ("python=3.12.4=h1", "==3.12.4"),
        ("python 3.12.* *_cpython", "==3.12.*"),
        ("python=3.12,!=3.12.3", "==3.12.*,!=3.12.3"),
    ],
)
def test_python_is_the_interpreter_and_no_requirement(entry: str, version: str | None) -> None:
    recipe = read({"dependencies": [entry, "pip=25.1.1"]})
    assert (recipe.python, recipe.requirements) == (version, ())


def test_the_articles_file_is_read_whole() -> None:
    recipe = read(
        {
            "name": "model-env",
            "channels": ["conda-forge"],
            "dependencies": [
                "python=3.12",
                "numpy=2.3.1",
                "pip=25.1.1",
                "scikit-learn=1.7.0",
                "scipy=1.16.0",
                {
                    "pip": [
                        "joblib==1.5",
                        "inference-schema[numpy-support]",
                    ]
                },
            ],
        }
    )
    assert recipe.python == "==3.12.*"
    assert recipe.requirements == (
        "inference-schema[numpy-support]",
        "joblib==1.5",
        "numpy==2.3.1.*",
        "scikit-learn==1.7.0.*",
        "scipy==1.16.0.*",
    )


def test_what_is_no_python_package_is_dropped_and_named() -> None:
    recipe = read({"dependencies": ["cudatoolkit=11.8", "numpy", "openssl", "libgcc-ng"]})
    assert recipe.dropped == ("cudatoolkit", "openssl", "libgcc-ng")
    assert recipe.requirements == ("numpy",)


@pytest.mark.parametrize("conda", [{}, {"dependencies": None}, {"name": "e", "dependencies": []}])
def test_a_file_may_ask_for_nothing(conda: dict[str, object]) -> None:
    assert read(conda).requirements == ()


@pytest.mark.parametrize(
    ("conda", "message"),
    [
        ({"dependency": []}, "got the key `dependency`, at `$.conda_file`"),
        ({"dependencies": "numpy"}, "expected a list, got 'numpy', at `$.conda_file.dependencies`"),
        ({"dependencies": ["a", 5]}, "got 5, at `$.conda_file.dependencies[1]`"),
        ({"dependencies": [""]}, "got '', at `$.conda_file.dependencies[0]`"),
        ({"dependencies": ["numpy[version='>=2']"]}, "got \"numpy[version='>=2']\", at"),
        ({"dependencies": ["numpy>=2|<1"]}, "got '>=2|<1', at `$.conda_file.dependencies[0]`"),
        ({"dependencies": ["numpy=>2"]}, "got '=>2', at `$.conda_file.dependencies[0]`"),
        ({"dependencies": [{"npm": []}]}, "got {'npm': []}, at `$.conda_file.dependencies[0]`"),
        ({"dependencies": [{"pip": "x"}]}, "got 'x', at `$.conda_file.dependencies[0].pip`"),
        ({"dependencies": ["numpy>=2,"]}, "got '>=2,', at `$.conda_file.dependencies[0]`"),
        (
            {"dependencies": ["python>=three"]},
            "expected a version of Python such as =3.12 or >=3.11,<3.14, got '>=three', at",
        ),
        ({"dependencies": [{"sel(linux)": "x"}]}, "expected a package or `pip:`"),
    ],
)
def test_an_entry_that_cannot_be_understood_is_refused_with_its_place(
    conda: dict[str, object], message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        read(conda)
    assert message in refused.value.message


@pytest.mark.parametrize(
    "line",
    [
        "joblib",
        "joblib==1.5",
        "joblib>=1,<2 ; python_version < '3.13'",
        "inference-schema[numpy-support]",
        "joblib==1.5 --hash=sha256:0123",
        "joblib # the newest",
        "https://example.com/own-1.0-py3-none-any.whl",
        "own @ https://example.com/own-1.0.tar.gz",
        "own @ git+https://example.com/own.git@v1",
        "git+https://example.com/own.git",
        "/opt/wheels/own-1.0-py3-none-any.whl",
        "own @ file:///opt/wheels/own-1.0-py3-none-any.whl",
    ],
)
def test_a_line_for_pip_is_kept_as_it_is(line: str) -> None:
    assert read({"dependencies": [{"pip": [f" {line} "]}]}).requirements == (line,)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".", "a URL or an absolute path"),
        ("./own", "a URL or an absolute path"),
        ("../own", "a URL or an absolute path"),
        ("wheels/own-1.0-py3-none-any.whl", "a URL or an absolute path"),
        ("own-1.0-py3-none-any.whl", "a URL or an absolute path"),
        ("own.tar.gz", "a URL or an absolute path"),
        ("own @ ./own", "a URL or an absolute path"),
        ("own @ file:own", "a URL or an absolute path"),
        ("own @ file:./own", "a URL or an absolute path"),
        ("./own[extra]", "a URL or an absolute path"),
        ("joblib=1.5", "a URL or an absolute path"),
        ("", "and no option of pip"),
        (5, "and no option of pip"),
        ("-e ./own", "and no option of pip"),
        ("--editable ./own", "and no option of pip"),
        ("-r requirements.txt", "and no option of pip"),
        ("-c constraints.txt", "and no option of pip"),
        ("--pre", "and no option of pip"),
        ("--extra-index-url file:///wheels", "and no option of pip"),
    ],
)
def test_a_line_for_pip_that_names_files_beside_the_conda_file_is_refused(
    line: object, expected: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        read({"dependencies": ["numpy", {"pip": ["joblib", line]}]})
    message = refused.value.message
    assert message.startswith("expected a requirement such as joblib==1.5, ")
    assert expected in message
    assert (
        f"got {line!r}, at `$.conda_file.dependencies[1].pip[1]`. A conda file is sent" in message
    )
    assert message.endswith("into the code folder, beside the scoring script.")

"""How stacks of perf are added up."""

from loadtests.bench.profile import shares, where

WRITE = [
    "\tffffffff81a vfs_write ([kernel.kallsyms])",
    "\tffffffff81b ksys_write ([kernel.kallsyms])",
    "\tffffffff81c do_syscall_64 ([kernel.kallsyms])",
    "\t    7f30fd6 [unknown] ([unknown])",
]
SWITCH = [
    "\tffffffff81d finish_task_switch ([kernel.kallsyms])",
    "\tffffffff81e schedule ([kernel.kallsyms])",
    "\t    7f30fd6 [unknown] ([unknown])",
]
PYTHON = [
    "\t    7f31cd6 _PyEval_EvalFrameDefault (/usr/lib/libpython3.11.so.1.0)",
    "\t    7f31cd7 main (/usr/bin/python3.11)",
]


def test_a_stack_is_its_system_calls_or_its_innermost_librarys() -> None:
    assert where(WRITE) == "system call write"
    assert where(SWITCH) == "switches between threads"
    assert where(PYTHON) == "libpython3"
    assert where([PYTHON[0].replace("_PyEval", "a (b) c")]) == "libpython3"
    assert where(["\tffffffff81d page_fault ([kernel.kallsyms])"]) == "kernel, other"
    assert where([]) == "unknown"


def test_samples_count_by_their_cycles_the_largest_first() -> None:
    samples = [(300, PYTHON), (500, WRITE), (100, PYTHON), (100, SWITCH)]
    printed = "\n\n".join("\n".join([f"  {cycles} ", *stack]) for cycles, stack in samples)
    assert shares(printed + "\n\n") == {
        "system call write": 0.5,
        "libpython3": 0.4,
        "switches between threads": 0.1,
    }
    assert list(shares(printed)) == ["system call write", "libpython3", "switches between threads"]

"""`hybridcheck demo`: `validate --demo --budget quick`, for newcomers."""

from hybridcheck.cases import Budget
from hybridcheck.cli import options as given
from hybridcheck.cli import terminal
from hybridcheck.cli.option_groups import spread
from hybridcheck.errors import ExitCode
from hybridcheck.reference.defects import CATALOGUE


@spread
def command(
    showing: given.Showing,
    *,
    defect: given.Defects = None,
    list_defects: given.ListDefects = False,
    seed: given.Seed = None,
    output_dir: given.OutputDir = given.RESULTS,
) -> ExitCode:
    """See a verdict in half a minute, on an embedded reference system.

    The same as `validate --demo --budget quick`. Plant a defect with --defect NAME and see what finds it.
    """
    if list_defects:
        return print_defects()
    from hybridcheck.cli import running  # the gate and all that it brings, not for --help

    asked = given.Run(budget=Budget.QUICK, seed=seed, output_dir=output_dir)
    return running.run(running.request_of(asked, running.Chosen(demo=True, defects=tuple(defect or ()))), showing)


def print_defects() -> ExitCode:
    """List the defects that can be planted: name, the check that finds it, what is wrong."""
    name_width = max(len(defect.name) for defect in CATALOGUE)
    check_width = max(len(defect.check) for defect in CATALOGUE)
    for defect in CATALOGUE:
        note = f" (not in the demo: it needs {defect.demo_needs})" if defect.demo_needs else ""
        terminal.show(f"{defect.name:<{name_width}}  {defect.check:<{check_width}}  {defect.wrong}{note}")
    return ExitCode.READY

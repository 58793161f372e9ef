"""`hybridcheck integrate`: the suites of requirement 004."""

from hybridcheck.cli import options as given
from hybridcheck.cli.option_groups import spread
from hybridcheck.errors import ExitCode
from hybridcheck.integrators.suites import leaves_of


@spread
def command(
    run: given.Run,
    showing: given.Showing,
    *,
    suite: given.Suite = None,
    skip: given.Skip = None,
    demo: given.Demo = False,
    defect: given.Defects = None,
) -> ExitCode:
    """Check how the services work together: chosen suites, a scoped verdict.

    Without --suite every suite is run. The verdict is PASSED, FAILED or INCONCLUSIVE.
    """
    from hybridcheck.cli import running  # the gate and all that it brings, not for --help

    leaves = leaves_of(suite or ["end_to_end"])
    chosen = running.Chosen(suites=leaves, skip=tuple(skip or ()), demo=demo, defects=tuple(defect or ()))
    return running.run(running.request_of(run, chosen), showing)

"""`hybridcheck validate`: the main job."""

from hybridcheck.cli import options as given
from hybridcheck.cli.demo import print_defects
from hybridcheck.cli.option_groups import spread
from hybridcheck.errors import ExitCode
from hybridcheck.integrators.suites import leaves_of


@spread
def command(
    run: given.Run,
    showing: given.Showing,
    *,
    only: given.Only = None,
    skip: given.Skip = None,
    tag: given.Tag = None,
    suite: given.Suite = None,
    demo: given.Demo = False,
    defect: given.Defects = None,
    list_defects: given.ListDefects = False,
) -> ExitCode:
    """Say whether the system behind a base URL may go to production.

    Prints READY, NOT_READY or INCONCLUSIVE with what blocks and what would decide it, and leaves the evidence in
    hybridcheck-results/RUN_ID/. With --only, --skip, --tag or --suite the verdict is scoped: PASSED or FAILED.
    """
    if list_defects:
        return print_defects()
    from hybridcheck.cli import running  # the gate and all that it brings, not for --help

    chosen = running.Chosen(
        only=tuple(only or ()),
        skip=tuple(skip or ()),
        tags=tuple(tag or ()),
        suites=leaves_of(suite or ()),
        demo=demo,
        defects=tuple(defect or ()),
    )
    return running.run(running.request_of(run, chosen), showing)

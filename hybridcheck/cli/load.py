"""`hybridcheck load`: the profile's load phases, or the load that the options say, and what judges it."""

from hybridcheck.cases import SafetyClass
from hybridcheck.checks.catalogue import CHECKS
from hybridcheck.cli import options as given
from hybridcheck.cli.generators import Generators, Ui, refuse_contradictions, refuse_what_the_master_says
from hybridcheck.cli.option_groups import spread
from hybridcheck.errors import ExitCode


@spread
def command(
    run: given.Run,
    showing: given.Showing,
    load: given.Load,
    generators: Generators,
    ui: Ui,
    *,
    demo: given.Demo = False,
    defect: given.Defects = None,
) -> ExitCode:
    """Drive the profile's load, or the load that the options say, and judge it: a scoped verdict on performance.

    With --processes several processes share the load; with --master workers on other machines do, each of them a
    `hybridcheck load --worker --master-host HOST`. With --ui phases are started, watched and judged in Locust's web UI.
    """
    refuse_contradictions(generators, ui)
    from hybridcheck.cli import generating, running  # the gate and all that it brings, not for --help

    if generators.worker:
        refuse_what_the_master_says(run, load, showing, demo=demo or bool(defect))
        return generating.be_worker(generators, run.base_url)
    about_load = tuple(check.id for check in CHECKS if check.safety is SafetyClass.LOAD)
    chosen = running.Chosen(only=about_load, demo=demo, defects=tuple(defect or ()), load=load, generators=generators)
    request = running.request_of(run, chosen)
    if ui.ui:
        from hybridcheck.cli import serving  # the web UI, where it is asked for

        return serving.serve(request, ui, generating.carry_out_of(generators), generating.refusal_of(generators))
    return running.run(request, showing, generating.carry_out_of(generators), generating.refusal_of(generators))

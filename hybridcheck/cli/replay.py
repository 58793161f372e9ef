"""`hybridcheck replay`: a case of a saved verdict, to repeat by hand or by the tool."""

import difflib
from pathlib import Path
from typing import Annotated

import typer

from hybridcheck import ledger
from hybridcheck.cli import options as given
from hybridcheck.cli import terminal
from hybridcheck.curl import curl_line
from hybridcheck.errors import ExitCode, UsageError
from hybridcheck.evidence import Exchange
from hybridcheck.profile.lookup import find_profile
from hybridcheck.verdict import CaseVerdict, Verdict
from hybridcheck.writers import json_document, wording
from hybridcheck.writers.hostile_text import for_terminal


def command(
    address: Annotated[str, typer.Argument(metavar="VERDICT_JSON#CASE", help="A verdict.json, '#', and a case in it.")],
    *,
    send: Annotated[bool, typer.Option("--send", help="Run the case again, through the gate.")] = False,
    base_url: given.BaseUrl = None,
    profile: given.ProfilePath = None,
    output_dir: given.OutputDir = given.RESULTS,
) -> ExitCode:
    """Show how to repeat a case by hand, or run it again.

    Prints the requests that the finding rests on as curl lines; secrets stay masked in them. With --send the one case
    runs again against the same target (or --base-url) and the exit code is that of its scoped verdict.
    """
    path, case_id = split(address)
    verdict = json_document.read(path)
    case = find(verdict, case_id, path)
    if send:
        return _run_again(verdict, case, given.Run(base_url=base_url, profile=profile, output_dir=output_dir))
    terminal.show("\n".join(_lines(verdict, case, path)))
    return ExitCode.READY


def split(address: str) -> tuple[Path, str]:
    """The file and the case of an address; a `#` after `.json` divides them, else the first one.

    Raises:
        UsageError: there is no `#`, or nothing on one side of it.
    """
    name, divider, case_id = address.partition(".json#")
    path = name + ".json"
    if not divider:
        path, divider, case_id = address.partition("#")
    if not divider or not path or not case_id:
        raise UsageError(f"'{address}' names no case", hint="give VERDICT_JSON#CASE, in quotes, as a report prints it")
    return Path(path), case_id


def find(verdict: Verdict, case_id: str, path: Path) -> CaseVerdict:
    """The case of that id, or the only case of a check of that id.

    Raises:
        UsageError: there is none, or the check has several.
    """
    everything = list(wording.cases(verdict))
    exact = [case for case in everything if case.id == case_id] or [
        case for case in everything if case.check == case_id
    ]
    if len(exact) == 1:
        return exact[0]
    names = [case.id for case in exact] or difflib.get_close_matches(case_id, [case.id for case in everything], n=3)
    hint = f"did you mean {' or '.join(names[:5])}?" if names else "a report lists the cases"
    what = "has several cases" if exact else "is no case of this verdict"
    raise UsageError(f"'{case_id}' {what}", where=str(path), hint=hint)


def _lines(verdict: Verdict, case: CaseVerdict, path: Path) -> list[str]:
    finding = case.finding
    lines = [_remark(f"{case.id}: {finding.outcome}")]
    lines += [_remark(f"expected: {finding.expected}"), _remark(f"observed: {finding.observed}")]
    exchanges = _exchanges(verdict, case, path)
    for exchange in exchanges:
        came = f"status {exchange.status}" if exchange.status is not None else f"no answer: {exchange.failure}"
        who = f", as {exchange.identity}" if exchange.identity else ""
        lines += [_remark(f"record {exchange.n} ({exchange.label}{who}): {came}"), curl_line(exchange.request)]
    if not exchanges:
        lines.append(_remark("this case rests on no recorded request; run it again with --send"))
    if any("‹secret:" in line for line in lines):
        lines.append(_remark("‹secret:…› stands for a credential that was not written down: put it in by hand"))
    return lines


def _remark(words: str) -> str:
    """A comment for a shell, harmless on a terminal."""
    return f"# {for_terminal(words, 4000)}"


def _exchanges(verdict: Verdict, case: CaseVerdict, path: Path) -> list[Exchange]:
    """The exchanges that the finding rests on; all of the case's where it names none."""
    where = path.parent / verdict.evidence.path
    read = ledger.read(where)
    if read.digest != verdict.evidence.digest:
        terminal.tell(f"hybridcheck: {where} is not the ledger that the verdict was made from (its digest differs)")
    named = set(case.finding.exchanges)
    return [
        record
        for record in read.records
        if isinstance(record, Exchange) and (record.n in named if named else record.stream == case.id)
    ]


def _run_again(verdict: Verdict, case: CaseVerdict, asked: given.Run) -> ExitCode:
    """The one case through the gate, against the same target, with the same seed and the same class allowed."""
    from hybridcheck.cli import running  # the gate and all that it brings is for --send only

    flags = verdict.run.flags
    demo = flags.get("demo") is True and not asked.base_url
    had_one = not demo and flags.get("without_profile") is False
    if had_one and find_profile(asked.profile, Path.cwd(), Path.home()) is None:
        about = f"the run had a profile ({verdict.policy.profile_name or 'without a name'}), and here is none"
        raise UsageError(about, where="--profile", hint="give it with --profile, or go to its folder")
    known = verdict.subject.environment in set(given.DeclaredEnvironment)
    environment = given.DeclaredEnvironment(verdict.subject.environment) if known else None
    again = given.Run(
        base_url=None if demo else asked.base_url or verdict.subject.base_url,
        profile=asked.profile,
        environment=None if demo else environment,
        allow=[case.safety],
        seed=verdict.run.seed,
        output_dir=asked.output_dir,
    )
    defects = tuple(flags.get("defects") or ()) if demo else ()
    chosen = running.Chosen(only=(case.id,), demo=demo, defects=defects)
    return running.run(running.request_of(again, chosen), given.Showing())

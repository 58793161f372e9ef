"""The group of commands: names known without imports, modules loaded when asked for."""

import importlib
import inspect
from pathlib import Path

import pytest

from hybridcheck.cli.main import COMMANDS, load_command, main


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_the_first_of_its_docstring(name: str) -> None:
    """The static help cannot drift from what the command says about itself."""
    module = importlib.import_module(f"hybridcheck.cli.{name}")
    assert inspect.getdoc(module.command).splitlines()[0] == COMMANDS[name]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_built_and_helps(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's options fit what Typer can do."""
    assert load_command(name).name == name
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert COMMANDS[name] in " ".join(capsys.readouterr().out.split())


def test_every_command_module_is_in_the_table() -> None:
    """A file with a `command` that nobody can call would be dead."""
    folder = Path(inspect.getfile(main)).parent
    with_command = {path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text(encoding="utf-8")}
    assert with_command == set(COMMANDS)


def test_no_command_at_all_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline with an empty variable in the command's place must not be green; the help is shown all the same."""
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert "validate" in capsys.readouterr().err

"""Finding shipped files in a checkout, in a wheel's layout, and not at all."""

from pathlib import Path

import pytest

from hybridcheck import bundled

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty package folder take the place of the real one."""
    package = tmp_path / "site" / "hybridcheck"
    package.mkdir(parents=True)
    monkeypatch.setattr(bundled, "_PACKAGE_FOLDER", package)
    return package


def test_a_checkout_has_its_folders_beside_the_package() -> None:
    """Without a data folder in the package, the top-level folders are used."""
    assert bundled.data_folder("profiles") == ROOT / "profiles"
    assert bundled.data_folder("locustfiles") == ROOT / "locustfiles"


def test_a_wheel_has_them_inside_the_package_and_they_win(installation: Path) -> None:
    """Files in hybridcheck/data/ come before a folder that happens to lie beside the package."""
    for folder in (installation / "data" / "profiles", installation.parent / "profiles"):
        folder.mkdir(parents=True)
        (folder / "small.yaml").write_text(folder.as_posix())
    assert bundled.data_file("profiles", "small.yaml") == installation / "data" / "profiles" / "small.yaml"


def test_an_incomplete_installation_names_both_places(installation: Path) -> None:
    """The error says where the folder was looked for."""
    with pytest.raises(FileNotFoundError, match="installation is incomplete") as caught:
        bundled.data_folder("locustfiles")
    assert str(installation / "data" / "locustfiles") in str(caught.value)
    assert str(installation.parent / "locustfiles") in str(caught.value)


def test_an_unknown_file_names_those_that_exist(installation: Path) -> None:
    """The error lists what is there."""
    folder = installation / "data" / "profiles"
    folder.mkdir(parents=True)
    (folder / "large.yaml").touch()
    with pytest.raises(FileNotFoundError, match=r"no 'small\.yaml' in .*: there is large\.yaml"):
        bundled.data_file("profiles", "small.yaml")


@pytest.mark.parametrize("name", ["../secret.yaml", "a/../../secret.yaml", "/etc/hostname"])
def test_a_name_may_not_leave_its_folder(installation: Path, name: str) -> None:
    """A path that climbs out is refused, whether the file exists or not."""
    (installation / "data" / "profiles").mkdir(parents=True)
    (installation / "data" / "secret.yaml").touch()
    with pytest.raises(ValueError, match="leaves the folder"):
        bundled.data_file("profiles", name)

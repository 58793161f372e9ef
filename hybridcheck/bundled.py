"""Where the files that ship with the package are found: profiles and locustfiles, in a checkout and in an installed wheel."""

from pathlib import Path
from typing import Literal

DataKind = Literal["profiles", "locustfiles"]

_PACKAGE_FOLDER = Path(__file__).resolve().parent


def data_folder(kind: DataKind) -> Path:
    """Return the folder of one kind of shipped files: inside the wheel's package, else beside it in a checkout.

    Raises FileNotFoundError, which names both places, when neither is there.
    """
    in_wheel = _PACKAGE_FOLDER / "data" / kind
    in_checkout = _PACKAGE_FOLDER.parent / kind
    for folder in (in_wheel, in_checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{kind}: neither {in_wheel} nor {in_checkout} exists; the installation is incomplete")


def data_file(kind: DataKind, name: str) -> Path:
    """Return the path of one shipped file, such as `data_file("profiles", "reference.yaml")`.

    `name` is relative to the folder of its kind and may not leave it (ValueError). Raises FileNotFoundError, which names
    what is there, when there is no such file.
    """
    folder = data_folder(kind)
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leaves the folder of {kind}")
    if not path.is_file():
        present = (
            ", ".join(sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))) or "nothing"
        )
        raise FileNotFoundError(f"no {name!r} in {folder}: there is {present}")
    return path

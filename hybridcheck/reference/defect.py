"""One planted defect, as the catalogue lists it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defect:
    """One row: what is wrong with the switch on, the check that is meant to see it, and where the code is.

    `signature` is the name that the check's finding has to give the mistake, where it has one. `demo_needs` says what
    the demo run lacks to see it; empty where `validate --demo --defect NAME` has to find it.
    """

    name: str
    wrong: str
    check: str
    where: str
    demo_needs: str = ""
    signature: str = ""

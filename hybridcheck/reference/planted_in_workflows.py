"""Defects that only a journey through several operations sees."""

from hybridcheck.reference.defect import Defect

_WHERE = "gateway/detectors.py"

IN_WORKFLOWS: tuple[Defect, ...] = (
    Defect("training-never-ends", "a training job stays running for ever", "workflow.completes", _WHERE),
    Defect("training-done-too-early", "the state is done before there are results", "workflow.completes", _WHERE),
    Defect("training-ignores-data", "a detector is trained on a fixed series", "workflow.completes", _WHERE),
    Defect("results-of-another", "every detector shows the results of the first", "workflow.completes", _WHERE),
    Defect(
        "detector-of-nothing", "a detector can be made of a dataset that is not there", "workflow.completes", _WHERE
    ),
    Defect("training-lost-when-busy", "a third training at once fails", "workflow.completes", _WHERE),
    Defect("deleted-detector-stays", "a deleted detector can still be read", "workflow.completes", _WHERE),
    Defect(
        "trained-dataset-stays",
        "a dataset that a detector was trained on stays when it is deleted",
        "workflow.completes",
        "gateway/datasets.py",
    ),
    Defect(
        "upload-truncated",
        "of a dataset with more than a hundred values the rest is lost",
        "workflow.completes",
        "gateway/datasets.py",
    ),
    Defect(
        "outage-leaves-training-hanging",
        "a training whose native service is down stays running for ever",
        "workflow.under-faults",
        _WHERE,
    ),
    Defect("results-slow", "results take almost a second", "workflow.in-time", _WHERE),
    Defect("anomalies-missed", "three of four anomalies are not found", "detection.quality", _WHERE),
    Defect("false-alarms", "every fifth row is called an anomaly", "detection.quality", _WHERE),
)

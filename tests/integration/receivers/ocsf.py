"""Reads an array of detection findings and holds each to the published model of the framework."""

import json
import sys

from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.findings.detection_finding import DetectionFinding


def unknown(event, model, place):
    """The members that a model does not know: it passes over them without a word."""
    names = set(model.model_fields)
    return [f"{place}.{name}" for name in event if name not in names]


for event in json.load(sys.stdin):
    finding = DetectionFinding.model_validate(event)
    assert event["metadata"]["version"] == OCSF_VERSION, event["metadata"]["version"]
    assert finding.type_uid == event["class_uid"] * 100 + event["activity_id"]
    strange = unknown(event, DetectionFinding, "")
    for name in ("metadata", "finding_info", "remediation"):
        strange += unknown(event[name], type(getattr(finding, name)), name)
    strange += unknown(event["metadata"]["product"], type(finding.metadata.product), "product")
    strange += unknown(event["finding_info"]["analytic"], type(finding.finding_info.analytic), "analytic")
    for given, resource in zip(event["resources"], finding.resources):
        strange += unknown(given, type(resource), "resource")
    assert not strange, strange
    print(finding.metadata.uid)

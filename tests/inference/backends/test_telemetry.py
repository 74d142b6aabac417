"""Runtimes report nothing: their telemetry is off while they are imported, unless the user decided."""

import os
import sys

import pytest

from centernet.inference.backends.telemetry import without_telemetry


def test_reports_are_off_in_the_block_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delitem(sys.modules, "openvino_telemetry", raising=False)

    with without_telemetry():
        assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
        with pytest.raises(ImportError):
            __import__("openvino_telemetry")
    assert "ORT_DISABLE_TELEMETRY" not in os.environ
    assert "openvino_telemetry" not in sys.modules


def test_the_decision_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")

    with without_telemetry():
        assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"

"""Scores against human codes: sampling, code sheets, reliability, accuracy, calibration, thresholds."""

from stance.validation.result import Validation

__all__ = ["Validation"]

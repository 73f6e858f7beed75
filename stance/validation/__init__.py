"""Scores against human codes: sampling, code sheets, reliability, accuracy, calibration, thresholds."""

"""Bounds, rates, histograms and trends: pure functions over numbers, with no clock, no randomness and no files."""

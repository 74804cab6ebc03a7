"""Fakes of the vendors' clouds; everything else in the tests is real."""

"""Tests of installing: bundle, image, units, the page that says how, and a release."""

"""Tests of what is promised to others: policy cases, mappings, schemas, adapters, and agencies' databases."""

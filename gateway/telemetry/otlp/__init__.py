"""Spans, metrics and log lines for a collector, over OTLP/HTTP; loaded only where one is named."""

"""Tests of `gateway.desk.attachments`."""

"""Closed lists: the purpose of a question, and its offence (domain, section 3.1). Unknown values are refused."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """The purpose of a question. Immigration administration is not a purpose."""

    BORDER_CHECK = "BORDER_CHECK"
    INVESTIGATION = "INVESTIGATION"
    PREVENTION = "PREVENTION"
    THREAT_TO_LIFE = "THREAT_TO_LIFE"
    VICTIM_PROTECTION = "VICTIM_PROTECTION"
    MISSING_PERSON = "MISSING_PERSON"
    CUSTOMS_CONTROL = "CUSTOMS_CONTROL"
    MLA_PREPARATION = "MLA_PREPARATION"
    AUDIT = "AUDIT"
    STATISTICS = "STATISTICS"
    TRAINING = "TRAINING"
    DECONFLICTION = "DECONFLICTION"
    """Does another unit work on this case? The answer says whom to ask, and nothing else."""


class Offence(StrEnum):
    """The offence that a question is about."""

    TIP = "TIP"
    SOM = "SOM"
    NARC = "NARC"
    PREC = "PREC"
    WILD = "WILD"
    TIMBER = "TIMBER"
    COUNTERFEIT = "COUNTERFEIT"
    MEDICINE = "MEDICINE"
    EWASTE = "EWASTE"
    ODS = "ODS"
    ARMS = "ARMS"
    SCAM = "SCAM"
    MONEY = "MONEY"
    TERROR = "TERROR"
    DOCFRAUD = "DOCFRAUD"
    OTHER = "OTHER"

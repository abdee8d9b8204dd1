"""Closed lists of words in records (domain, sections 2.1 and 2.2). An unknown word is refused, never guessed."""

from __future__ import annotations

from enum import StrEnum


class RecordStatus(StrEnum):
    """Where a record stands; `CONTESTED` is a flag that only consent, a court or a supervisor removes."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CORRECTED = "CORRECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    CONTESTED = "CONTESTED"


class Certainty(StrEnum):
    """Whether the owner knows it or thinks it."""

    FACT = "FACT"
    OPINION = "OPINION"


class LinkType(StrEnum):
    """How two records belong together; `SAME_AS` is only ever said by a human."""

    SAME_AS = "SAME_AS"
    ASSOCIATED = "ASSOCIATED"
    USED = "USED"
    OWNS = "OWNS"
    SAME_CASE = "SAME_CASE"


class DocumentStatus(StrEnum):
    """What the issuer says of a travel document."""

    VALID = "VALID"
    LOST = "LOST"
    STOLEN = "STOLEN"
    STOLEN_BLANK = "STOLEN_BLANK"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


class MrzCheck(StrEnum):
    """What the check digits of the machine-readable zone said."""

    OK = "OK"
    FAIL = "FAIL"
    ABSENT = "ABSENT"


class ChipRead(StrEnum):
    """What passive authentication of the chip said."""

    PA_OK = "PA_OK"
    PA_FAIL = "PA_FAIL"
    NO_CHIP = "NO_CHIP"
    NOT_READ = "NOT_READ"


class CraftStatus(StrEnum):
    """Why a vehicle or vessel is in the files."""

    STOLEN = "STOLEN"
    SOUGHT = "SOUGHT"
    SEIZED = "SEIZED"
    EXPORT_BAN = "EXPORT_BAN"
    NONE = "NONE"


class Risk(StrEnum):
    """Result of the customs risk assessment."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    NOT_SHARED = "NOT_SHARED"


class Detection(StrEnum):
    """What led to a seizure."""

    TIP = "TIP"
    PROFILE = "PROFILE"
    SCAN = "SCAN"
    DOG = "DOG"
    PATROL = "PATROL"
    CONTROLLED_DELIVERY = "CONTROLLED_DELIVERY"
    OTHER = "OTHER"


class Direction(StrEnum):
    """Into or out of the owner's country."""

    IN = "IN"
    OUT = "OUT"


class TravelMode(StrEnum):
    """How the border was crossed."""

    AIR = "AIR"
    LAND = "LAND"
    RIVER = "RIVER"
    RAIL = "RAIL"
    SEA = "SEA"


class CrossingDecision(StrEnum):
    """What the border officer decided."""

    ADMIT = "ADMIT"
    REFUSE = "REFUSE"
    SECONDARY = "SECONDARY"
    ABSENT = "ABSENT"


class StayKind(StrEnum):
    """What a visa or residence record is about."""

    VISA = "VISA"
    EXTENSION = "EXTENSION"
    RESIDENCE = "RESIDENCE"
    WORK_PERMIT = "WORK_PERMIT"
    OVERSTAY = "OVERSTAY"
    DEPORTATION = "DEPORTATION"
    ENTRY_BAN = "ENTRY_BAN"


class AlertClass(StrEnum):
    """What an alert asks for."""

    ARREST = "ARREST"
    LOCATE = "LOCATE"
    MISSING_ADULT = "MISSING_ADULT"
    MISSING_CHILD = "MISSING_CHILD"
    VULNERABLE = "VULNERABLE"
    DISCREET_CHECK = "DISCREET_CHECK"
    INQUIRY_CHECK = "INQUIRY_CHECK"
    SPECIFIC_CHECK = "SPECIFIC_CHECK"
    SEIZE_OBJECT = "SEIZE_OBJECT"
    WARN_SAFETY = "WARN_SAFETY"
    UNKNOWN_WANTED = "UNKNOWN_WANTED"


class DoNot(StrEnum):
    """What the officer who meets the subject must not do."""

    DO_NOT_ALERT_SUBJECT = "DO_NOT_ALERT_SUBJECT"
    DO_NOT_DETAIN = "DO_NOT_DETAIN"


class SubstanceForm(StrEnum):
    """How a drug was packed."""

    PILL = "PILL"
    CRYSTAL = "CRYSTAL"
    POWDER = "POWDER"
    LIQUID = "LIQUID"
    PLANT = "PLANT"


class IncbTable(StrEnum):
    """Control of a precursor: table of the 1988 Convention, INCB's special surveillance list, or national."""

    TABLE_I = "TABLE_I"
    TABLE_II = "TABLE_II"
    ISSL = "ISSL"
    NATIONAL = "NATIONAL"
    NONE = "NONE"


class CitesAppendix(StrEnum):
    """Appendix of CITES that lists the species."""

    I = "I"  # noqa: E741 - the appendix is called so
    II = "II"
    III = "III"
    NONE = "NONE"


class CitesSource(StrEnum):
    """Source codes of CITES permits (Resolution Conf. 12.3): W wild, R ranched, C bred in captivity and others."""

    W = "W"
    R = "R"
    D = "D"
    A = "A"
    C = "C"
    F = "F"
    U = "U"
    I = "I"  # noqa: E741 - confiscated or seized specimens
    O = "O"  # noqa: E741 - pre-Convention specimens
    X = "X"
    Y = "Y"


class CitesPurpose(StrEnum):
    """Purpose codes of CITES permits (Resolution Conf. 12.3): T commercial, Z zoo, P personal and others."""

    T = "T"
    Z = "Z"
    G = "G"
    Q = "Q"
    S = "S"
    H = "H"
    P = "P"
    M = "M"
    E = "E"
    N = "N"
    B = "B"
    L = "L"


class MedicineDefect(StrEnum):
    """What is wrong with a medicine."""

    FALSIFIED = "FALSIFIED"
    SUBSTANDARD = "SUBSTANDARD"
    UNREGISTERED = "UNREGISTERED"


class PermitType(StrEnum):
    """What a permit allows to be moved."""

    CITES = "CITES"
    PRECURSOR = "PRECURSOR"
    ODS = "ODS"
    TIMBER = "TIMBER"
    MEDICINE = "MEDICINE"


class CaseStatus(StrEnum):
    """Where an investigation stands."""

    OPEN = "OPEN"
    SUSPENDED = "SUSPENDED"
    COURT = "COURT"
    CLOSED = "CLOSED"

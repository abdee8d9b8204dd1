"""The people and things that the demo asks about. All are invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Person:
    """A person whom the demo asks about: the name as the officer writes it, and as the source wrote it."""

    thai: str
    khmer: str
    latin: str
    birth: date


@dataclass(frozen=True, slots=True)
class Passport:
    """A travel document that the demo asks about."""

    number: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Boat:
    """A boat that one can ask the demo about: its name and its registration as their owner wrote them, and its flag."""

    name: str
    local_reg: str
    flag: str


DRIVER = Person("กิตติ บุญมา", "គិត្តិ ប៊ុនម៉ា", "KITTI BUNMA", date(1984, 3, 17))
"""A lorry driver from Thailand whom Cambodia's customs knows."""

HIDDEN = Person("มานพ ทองดี", "ម៉ាណូប ថងឌី", "MANOP THONGDI", date(1979, 8, 2))
"""A subject of a Cambodian operation that Thailand must not learn of."""

NOBODY = Person("วิทยา แสงดาว", "", "WITTHAYA SAENGDAO", date(1979, 8, 2))
"""A person who is in no database at all."""

STOLEN_PASSPORT = Passport("C4419027", "VNM")
"""A Vietnamese passport that was reported stolen."""

STOLEN_CAR_PLATE = "2กข 4471"
STOLEN_CAR_PROVINCE = "สระแก้ว"
"""A car that Thai police look for."""

KNOWN_PHONE = "081-447 1042"
"""The telephone of a person in the books of Thai police, as it is dialled in Thailand."""

SEIZED_CONTAINER = "LSNU4471029"
"""A container that Cambodia's customs has seized."""

SOUGHT_BOAT = Boat("บุญช่วย 9", "ชร-ข 4471", "TH")
"""A longboat of the Mekong that Thai police look for."""

RIVER_BOAT = Boat("Sông Hậu 15", "AG-21784", "VN")
"""A boat of the delta in the books of Viet Nam's immigration."""

LAO_BOAT = Boat("ດາວຂອງ 5", "ຈສ 0447", "LA")
"""A Lao barge that Cambodia's customs has seized."""

"""Thai immigration: names in one column with a comma, Thai months, local times without a zone, a letter for deleted."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.demo.sources import people
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, code_table, filled

POINTS = (("ARN", "อรัญประเทศ"), ("HLK", "หาดเล็ก"), ("MKD", "มุกดาหาร"), ("CNK", "เชียงของ"))
COUNTRIES = (("TH", "THA"), ("KH", "KHM"), ("VN", "VNM"))
MONTHS = ("ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.", "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค.")


def _written(day: date) -> str:
    return f"{day.day}-{MONTHS[day.month - 1]}-{day.year + 543}"


def _traveller(number: int, dice: Dice) -> Row:
    invent, country = dice.pick(((people.thai, "TH"), (people.khmer, "KH"), (people.vietnamese, "VN")))
    who = invent(dice)
    family = who.latin[-1] if country == "TH" else who.latin[0]
    return {
        "trav_id": number,
        "full_name": f"{family.upper()}, {' '.join(part for part in who.latin if part != family).title()}",
        "thai_name": " ".join(who.local) if country == "TH" else None,
        "dob": _written(who.born),
        "gender": "F" if who.woman else "M",
        "nation": country,
        "stay_address": f"โรงแรม {dice.below(90) + 1}" if country != "TH" else None,
        "alert_text": "OVERSTAYED BEFORE" if dice.one_in(15) else None,
        "category": dice.pick(("TR", "TR", "TR", "OV", "BL")),
        "rec_status": "D" if dice.one_in(30) else "A",
    }


def _passport(number: int, dice: Dice) -> Row:
    issued = dice.day(2018, 2024)
    return {
        "doc_id": number,
        "trav_id": number,
        "doc_type": "PP" if dice.below(4) else "BP",
        "doc_no": f"A{dice.pick('ABC')}{dice.digits(7)}",
        "issue_date": _written(issued),
        "expiry_date": _written(issued + timedelta(days=3650)),
        "doc_state": dice.pick(("OK",) * 10 + ("LOST", "STOLEN")),
        "rec_status": "A",
    }


def _crossing(number: int, dice: Dice) -> Row:
    day = dice.day(2024, 2025)
    return {
        "cross_id": number,
        "trav_id": number,
        "point_code": dice.pick(POINTS)[0],
        "direction": dice.pick("IO"),
        "cross_time": f"{day} {dice.below(24):02}:{dice.below(60):02}:00",
        "vehicle_plate": people.thai_plate(dice) if dice.one_in(3) else None,
        "result": "R" if dice.one_in(20) else "P",
    }


fill = filled(
    "th.immigration",
    code_table("ref_point", ("point_code", "point_name"), POINTS),
    code_table("ref_country", ("code2", "code3"), COUNTRIES),
    Table("traveller", 200, _traveller),
    Table("travel_doc", 200, _passport, ("doc_no", "trav_id")),
    Table("crossing", 200, _crossing, ("vehicle_plate", "trav_id")),
)

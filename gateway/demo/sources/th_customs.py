"""Thai customs: abbreviated English column names, days of the Buddhist era as whole numbers, cancelled by a day."""

from __future__ import annotations

from datetime import date

from gateway.demo.sources import people, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, filled

OFFICES = (("2701", "อรัญประเทศ"), ("2301", "คลองใหญ่"), ("2001", "แหลมฉบัง"))


def _number(day: date) -> int:
    return (day.year + 543) * 10_000 + day.month * 100 + day.day


def _trader(number: int, dice: Dice) -> Row:
    who = people.thai(dice)
    return {
        "TRD_ID": number,
        "TRD_NM_TH": " ".join(who.local),
        "TRD_NM_EN": " ".join(who.latin).upper(),
        "TAX_ID": people.pin(dice.digits(12)),
        "BRTH_DT": _number(who.born),
        "SEX_CD": 2 if who.woman else 1,
        "CTRY_CD": "TH",
        "PROV_NM": dice.pick(words.THAI_PROVINCES)[0],
        "TRD_TYP": dice.pick(("IM", "EX", "BR", "DR")),
        "BLK_FLG": "Y" if dice.one_in(12) else "N",
        "CANC_DT": _number(dice.day(2022, 2024)) if dice.one_in(25) else None,
    }


def _declaration(number: int, dice: Dice) -> Row:
    day = dice.day(2023, 2025)
    return {
        "DECL_ID": number,
        "DECL_NO": f"A{day.year + 543 - 2500:03}-{number:06}",
        "OFF_CD": dice.pick(OFFICES)[0],
        "SHPR_NM": dice.pick(words.FIRMS)[1],
        "CNSG_NM": " ".join(people.thai(dice).latin).upper(),
        "CNTR_NO": people.container(f"{dice.pick(('THLU', 'MKGU'))}{dice.digits(6)}") if dice.below(3) else None,
        "MODE": dice.pick(("ROAD", "SEA", "RAIL")),
        "RTE": dice.pick(("KHPPT-THSKO", "VNSGN-THLCH", "THLCH-KHSHV")),
        "CHNL": dice.pick("GGGR"),
        "CANC_DT": None,
    }


def _line(number: int, dice: Dice) -> Row:
    code, goods = dice.pick(words.GOODS)
    kilograms = f"{dice.below(90) + 1},{dice.digits(3)}.50 กก."
    return {"LN_ID": number, "DECL_ID": (number + 1) // 2, "HS_CD": code, "GDS_DSC": goods, "NET_WGT": kilograms}


def _seizure(number: int, dice: Dice) -> Row:
    day = dice.day(2022, 2025)
    plate = people.thai_plate(dice)
    return {
        "SEIZ_ID": number,
        "SEIZ_NO": f"ยึด {number}/{day.year + 543}",
        "SEIZ_DT": _number(day),
        "OFF_CD": dice.pick(OFFICES)[0],
        "GDS_DSC": dice.pick(words.GOODS)[1],
        "QTY": f"{dice.below(900) + 1} กก.",
        "PRSN": " ".join(people.thai(dice).local),
        "CAR_NO": f"{plate} {dice.pick(words.THAI_PROVINCES)[0]}" if dice.one_in(2) else None,
        "CNTR_NO": people.container(f"THLU{dice.digits(6)}") if dice.one_in(3) else None,
    }


fill = filled(
    "th.customs",
    Table("TB_TRADER", 200, _trader, ("TAX_ID",)),
    Table("TB_DECL", 200, _declaration, ("CNTR_NO",)),
    Table("TB_DECL_LINE", 400, _line, ("DECL_ID",)),
    Table("TB_SEIZURE", 40, _seizure, ("CNTR_NO",)),
)

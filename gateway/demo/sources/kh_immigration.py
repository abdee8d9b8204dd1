"""Cambodian immigration: columns and countries in French, dots in days, rows struck off by a day."""

from __future__ import annotations

from datetime import timedelta

from gateway.demo.sources import people, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, filled

DOCUMENTS = 120
FOREIGNERS = ((people.vietnamese, "Viêt Nam"), (people.thai, "Thaïlande"))
POINTS = ("Poipet", "Bavet", "Cham Yeam", "Kaam Samnor")


def _traveller(number: int, dice: Dice) -> Row:
    invent, country = (people.khmer, "Cambodge") if number <= DOCUMENTS else dice.pick(FOREIGNERS)
    who = invent(dice)
    return {
        "no_voyageur": number,
        "nom_complet": " ".join(who.latin).upper(),
        "nom_khmer": " ".join(who.local) if country == "Cambodge" else None,
        "date_naissance": f"{who.born:%d.%m.%Y}",
        "sexe": "F" if who.woman else "M",
        "nationalite": country,
        "adresse": dice.pick(words.KHMER_PROVINCES)[1],
        "situation": dice.pick(("voyageur", "voyageur", "resident", "refuse")),
        "raye_le": f"{dice.day(2022, 2024):%d.%m.%Y}" if dice.one_in(30) else None,
    }


def _document(number: int, dice: Dice) -> Row:
    issued = dice.day(2018, 2024)
    return {
        "no_document": number,
        "no_voyageur": number,
        "genre": dice.pick(("passeport", "passeport", "laissez-passer")),
        "numero": f"N0{dice.digits(7)}",
        "pays": "Cambodge",
        "delivre_le": f"{issued:%d.%m.%Y}",
        "expire_le": f"{issued + timedelta(days=1800):%d.%m.%Y}",
        "etat": dice.pick(("valide",) * 10 + ("perdu", "vole")),
    }


def _crossing(number: int, dice: Dice) -> Row:
    day = dice.day(2024, 2025)
    return {
        "no_passage": number,
        "no_voyageur": number,
        "poste": dice.pick(POINTS),
        "sens": dice.pick(("entree", "sortie")),
        "moment": f"{day}T{dice.below(24):02}:{dice.below(60):02}:00+07:00",
        "plaque": f"2{dice.pick('ABC')}-{dice.digits(4)}" if dice.one_in(3) else None,
        "decision": "refuse" if dice.one_in(20) else "admis",
    }


fill = filled(
    "kh.immigration",
    Table("voyageur", 200, _traveller),
    Table("document", DOCUMENTS, _document, ("numero", "no_voyageur")),
    Table("passage", 200, _crossing, ("plaque", "no_voyageur")),
)

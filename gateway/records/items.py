"""Flat objects that stand inside fields: plates, parties, lines of goods, seized things, places, permits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.records.base import MAX_ITEMS, Item, Number, member
from gateway.records.words import (
    CitesAppendix,
    CitesPurpose,
    CitesSource,
    IncbTable,
    MedicineDefect,
    PermitType,
    SubstanceForm,
)


class Thing(Item):
    """Anything that has no members of its own kind."""


class Plate(Item):
    """A registration plate as it is painted: a Thai plate is unique only with its province."""

    text: str | None = member("letters and digits in their own script")
    script: str | None = member("ISO 15924")
    province: str | None = member("province on the plate")
    country: str | None = member("country of registration")
    plate_class: str | None = member("class of the plate: private, taxi, government, military")


class Place(Item):
    """A place: by its UN/LOCODE, by its id in the register of crossing points, or by name."""

    unlocode: str | None = member("UN/LOCODE, five letters")
    crossing: str | None = member("id in the register of crossing points")
    name: str | None = member("name as the owner writes it")
    country: str | None = member("country")


class Sighting(Place):
    """Where and when something was seen."""

    at: str | None = member("when, RFC 3339 or a date")


class Party(Item):
    """A trader: consignor, consignee or declarant."""

    name: str | None = member("name as the owner writes it")
    address: str | None = member("address in one line")
    country: str | None = member("country")
    id_number: str | None = member("number in the trader register")


class Transport(Item):
    """Means of transport at the border."""

    mode: str | None = member("UN/ECE Recommendation 19, one digit")
    identity: str | None = member("plate, vessel, flight or train number")
    nationality: str | None = member("country where it is registered")


class GoodsLine(Item):
    """One line of a customs declaration."""

    hs: str | None = member("Harmonized System, at least four digits")
    ahtn: str | None = member("ASEAN Harmonised Tariff Nomenclature, eight digits")
    description: str | None = member("description of the goods")
    origin: str | None = member("country of origin")
    net_kg: Number | None = member("net mass in kilograms")
    gross_kg: Number | None = member("gross mass in kilograms")
    quantity: Number | None = member("how much, in `unit`")
    unit: str | None = member("UN/ECE Recommendation 20")
    value_minor: Number | None = member("value in the smallest unit of `currency`")
    currency: str | None = member("ISO 4217")
    procedure: str | None = member("customs procedure code")


class Permit(Item):
    """A permit that goes with goods."""

    type: PermitType | None = member("what it allows")
    number: str | None = member("number of the permit")
    code: str | None = member("WCO code list D013 or D014")


class SeizedItem(Item):
    """One thing that was seized; which members stand there depends on what it is."""

    category: str | None = member("NARCOTIC, PRECURSOR, WILDLIFE, TIMBER, COUNTERFEIT, MEDICINE, WASTE, ARMS, CASH")
    description: str | None = member("what it is, in words")
    exhibit: str | None = member("exhibit number")
    lab_status: str | None = member("where the laboratory stands")
    gross_kg: Number | None = member("gross mass in kilograms")
    net_kg: Number | None = member("net mass in kilograms")
    units: Number | None = member("pieces")
    value_minor: Number | None = member("value, or sum of cash, in the smallest unit of `currency`")
    currency: str | None = member("ISO 4217")
    substance: str | None = member("international nonproprietary name (INN)")
    cas: str | None = member("CAS number")
    schedule: str | None = member("schedule of the 1961 or 1971 Convention, such as `1971 II`")
    form: SubstanceForm | None = member("how the drug was packed")
    purity_pct: Number | None = member("purity in percent")
    stamp: str | None = member("logo or stamp; it links cases")
    incb: IncbTable | None = member("control of a precursor")
    litres: Number | None = member("volume of a liquid")
    pen_ref: str | None = member("reference in PEN Online or PEN Online Light")
    taxon: str | None = member("scientific name of the species")
    cites_appendix: CitesAppendix | None = member("appendix of CITES")
    cites_source: CitesSource | None = member("source of the specimen")
    cites_purpose: CitesPurpose | None = member("purpose of the trade")
    specimen: str | None = member("CITES term for the specimen")
    live: bool | None = member("whether the animal lives")
    brand: str | None = member("brand that was counterfeited")
    batch: str | None = member("batch of the medicine")
    defect: MedicineDefect | None = member("what is wrong with the medicine")
    basel_code: str | None = member("Basel Convention code of waste")
    montreal_group: str | None = member("annex and group of the Montreal Protocol")
    refrigerant: str | None = member("refrigerant, such as `R-22`")


class AlertFlag(Item):
    """A country that does not carry out an alert on its soil."""

    country: str | None = member("which country")
    not_executed: bool | None = member("whether the action is switched off there")
    reason: str | None = member("why")


Things = Annotated[list[str | Thing], Field(max_length=MAX_ITEMS)]
Route = Annotated[list[str | Place], Field(max_length=MAX_ITEMS)]
Sightings = Annotated[list[str | Sighting], Field(max_length=MAX_ITEMS)]
GoodsLines = Annotated[list[str | GoodsLine], Field(max_length=MAX_ITEMS)]
Permits = Annotated[list[str | Permit], Field(max_length=MAX_ITEMS)]
SeizedItems = Annotated[list[str | SeizedItem], Field(max_length=MAX_ITEMS)]
AlertFlags = Annotated[list[AlertFlag], Field(max_length=MAX_ITEMS)]

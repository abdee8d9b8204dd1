"""Records about things: Vehicle, Vessel, Consignment, Seizure."""

from __future__ import annotations

from gateway.model.values import PartialDate
from gateway.records.base import Named, Number, RecordModel, Texts, further, main
from gateway.records.items import (
    GoodsLines,
    Party,
    Permits,
    Place,
    Plate,
    Route,
    SeizedItems,
    Sightings,
    Things,
    Transport,
)
from gateway.records.words import CraftStatus, Detection, Risk


class Vehicle(RecordModel):
    """A vehicle, owned by the registration authority or the police."""

    plate: str | Plate | None = main("registration as on the plate, in its own script")
    province: str | None = main("province of registration; a Thai plate is unique only with it")
    country: str | None = main("country of registration")
    make: str | None = main("maker")
    model: str | None = main("model")
    colour: str | None = main("colour")
    vin: str | None = main("vehicle identification number, ISO 3779")
    status: CraftStatus | None = main("why it is in the files")
    reported: PartialDate | None = main("since when the status holds")
    type: str | None = further("car, pickup, lorry, motorcycle")
    year: PartialDate | None = further("year of make")
    seen_at: Sightings | None = further("where and when it was seen")


class Vessel(RecordModel):
    """A vessel. Boats on the Mekong have neither IMO number nor MMSI: the local registration is what they have."""

    name: Named | None = main("name of the vessel")
    imo: str | None = main("IMO number, seven digits with a check digit")
    mmsi: str | None = main("maritime mobile service identity, nine digits")
    call_sign: str | None = main("radio call sign")
    flag: str | None = main("flag state")
    local_reg: str | None = main("local registration")
    hull_marks: str | None = main("marks on the hull")
    type: str | None = main("type: longboat, barge, trawler, tanker")
    status: CraftStatus | None = main("why it is in the files")
    length_m: Number | None = further("length in metres")
    reported: PartialDate | None = further("since when the status holds")
    seen_at: Sightings | None = further("where and when it was seen")


class Consignment(RecordModel):
    """Goods under a customs declaration."""

    declaration: str | None = main("number of the customs declaration")
    office: str | None = main("customs office")
    consignor: str | Party | None = main("who sends")
    consignee: str | Party | None = main("who receives")
    lines: GoodsLines | None = main("goods: tariff code, description, origin, mass")
    containers: Things | None = main("container numbers, ISO 6346")
    transport: str | Transport | None = main("means of transport")
    route: Route | None = main("places of the route, in order")
    risk: Risk | None = main("result of the risk assessment")
    declarant: str | Party | None = further("who declares")
    permits: Permits | None = further("permits that go with the goods")
    references: Texts | None = further("numbers of ASEAN single-window documents: ACDD, Form D")
    procedure: str | None = further("type of the declaration, such as import or export, and how it was made")
    declared_lines: Number | None = further("how many lines the whole declaration has; an amendment sends some only")
    packages: Number | None = further("how many packages the whole declaration has")


class Seizure(RecordModel):
    """Things that an agency seized; the laboratory adds to each of them."""

    reference: str | None = main("the seizing agency's own number")
    date: PartialDate | None = main("day of the seizure")
    office: str | None = main("seizing office")
    goods: SeizedItems | None = main("what was seized")
    quantity: Number | None = main("how much")
    unit: str | None = main("unit of the quantity")
    persons: Things | None = main("persons in the case")
    containers: Things | None = main("containers in the case, ISO 6346")
    vehicles: Things | None = main("vehicles in the case")
    place: str | Place | None = further("where it was seized")
    detected_by: Detection | None = further("what led to it")
    concealment: str | None = further("how it was hidden")

"""Records about people and how they travel: Person, TravelDocument, BorderCrossing, VisaResidence."""

from __future__ import annotations

from gateway.model.values import PartialDate, Sex
from gateway.records.base import Identifiers, Moment, Named, Names, RecordModel, Texts, further, main
from gateway.records.items import Party, Place, Sighting, Thing, Things
from gateway.records.words import (
    ChipRead,
    CrossingDecision,
    Direction,
    DocumentStatus,
    MrzCheck,
    StayKind,
    TravelMode,
)


class Person(RecordModel):
    """A person in the files of an agency: police for what is criminal, immigration for travellers."""

    names: Names | None = main("every name and spelling that the owner holds")
    birth: PartialDate | None = main("date of birth, as far as it is known")
    sex: Sex | None = main("ICAO 9303 code")
    nationalities: Texts | None = main("ISO 3166-1 alpha-3, and ICAO codes for stateless persons and refugees")
    national_ids: Identifiers | None = main("national identity numbers with their scheme")
    documents: Identifiers | None = main("travel documents that the person was seen with")
    addresses: Things | None = main("addresses as the owner writes them")
    warnings: Texts | None = main("what an officer must know for safety")
    status: str | None = main("what the person is to the owner: wanted, missing, convicted")
    honorific: str | None = further("title before the name, such as U, Daw, Sai or Thao")
    name_parts: Thing | None = further("surname, given, middle, patronym, where the source has them apart")
    birth_place: str | Place | None = further("place of birth")
    father_name: Named | None = further("name of the father; in Myanmar it tells people of one name apart")
    mother_name: Named | None = further("name of the mother")
    ethnicity: str | None = further("only when it is strictly needed")
    phones: Texts | None = further("telephone numbers, E.164")
    accounts: Things | None = further("bank, wallet and messenger accounts")
    marks: Texts | None = further("scars, marks and tattoos")
    photo_ref: str | None = further("pointer to a photograph at the owner; never the picture itself")
    misused_identity: str | None = further("reference to the consent of the person whose identity was misused")


class TravelDocument(RecordModel):
    """A travel document; its issuer says what it is worth. The MRZ is no field: it would carry what is withheld."""

    doc_code: str | None = main("ICAO 9303 document code, or a local one such as BORDER_PASS")
    issuer: str | None = main("issuing country, ICAO alpha-3")
    number: str | None = main("number as printed")
    holder_name: Named | None = main("name of the holder")
    birth: PartialDate | None = main("date of birth of the holder")
    issued: PartialDate | None = main("date of issue")
    expires: PartialDate | None = main("date of expiry")
    status: DocumentStatus | None = main("what the issuer says of it")
    last_crossing: str | Sighting | None = main("where and when the document last crossed a border")
    status_since: Moment | None = further("since when the status holds")
    mrz_check: MrzCheck | None = further("what the check digits said")
    chip_read: ChipRead | None = further("what passive authentication of the chip said")


class BorderCrossing(RecordModel):
    """A crossing of a border; never pushed, only the answer to a specific query."""

    crossing_point: str | None = main("crossing point")
    direction: Direction | None = main("into or out of the owner's country")
    at: Moment | None = main("when")
    mode: TravelMode | None = main("how")
    document: str | Thing | None = main("document that was shown")
    person_name: Named | None = main("name of the traveller")
    vehicle: str | Thing | None = main("vehicle that was used")
    decision: CrossingDecision | None = main("what the border officer decided")
    nationality: str | None = main("nationality of the traveller, ISO 3166-1 alpha-3")
    refusal_code: str | None = further("why entry was refused")


class VisaResidence(RecordModel):
    """A right to stay, or its end; owned by immigration, and only the answer to a specific query."""

    kind: StayKind | None = main("what it is about")
    number: str | None = main("number of the visa, permit or order")
    holder_name: Named | None = main("name of the holder")
    birth: PartialDate | None = main("date of birth of the holder")
    nationality: str | None = main("nationality of the holder, ISO 3166-1 alpha-3")
    document: str | Thing | None = main("travel document that it stands in")
    valid_from: PartialDate | None = main("first day")
    valid_to: PartialDate | None = main("last day")
    status: str | None = main("where it stands: granted, used, cancelled")
    sponsor: str | Party | None = further("who invited or employs")
    office: str | None = further("office that granted or ordered it")

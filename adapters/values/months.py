"""Names of the months as clerks type them: English, French, Thai, Lao, Khmer; short and long."""

from __future__ import annotations

_NAMES = (
    "jan january janv janvier มค มกราคม ມັງກອນ មករា",
    "feb february févr fevr février fevrier กพ กุมภาพันธ์ ກຸມພາ កុម្ភៈ",
    "mar march mars มีค มีนาคม ມີນາ មីនា",
    "apr april avr avril เมย เมษายน ເມສາ មេសា",
    "may mai พค พฤษภาคม ພຶດສະພາ ឧសភា",
    "jun june juin มิย มิถุนายน ມິຖຸນາ មិថុនា",
    "jul july juil juillet กค กรกฎาคม ກໍລະກົດ កក្កដា",
    "aug august août aout สค สิงหาคม ສິງຫາ សីហា",
    "sep sept september septembre กย กันยายน ກັນຍາ កញ្ញា",
    "oct october octobre ตค ตุลาคม ຕຸລາ តុលា",
    "nov november novembre พย พฤศจิกายน ພະຈິກ វិច្ឆិកា",
    "dec december déc décembre decembre ธค ธันวาคม ທັນວາ ធ្នូ",
)

MONTH_NUMBER = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
"""The number of a month by its name in small letters without full stops."""

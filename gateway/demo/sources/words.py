"""Common given names, family names and places for the invented people: (local, Latin)."""

from __future__ import annotations

Words = tuple[tuple[str, str], ...]
"""Pairs of a word in its own script and in Latin letters."""

THAI_MEN: Words = (
    ("กิตติ", "Kitti"),
    ("ชาญ", "Chan"),
    ("ธนา", "Thana"),
    ("นพดล", "Nopphadon"),
    ("ประเสริฐ", "Prasoet"),
    ("พิชัย", "Phichai"),
    ("มานพ", "Manop"),
    ("วิทยา", "Witthaya"),
    ("สมชาย", "Somchai"),
    ("สุรชัย", "Surachai"),
    ("อนันต์", "Anan"),
    ("เอกชัย", "Ekkachai"),
)
THAI_WOMEN: Words = (
    ("กานดา", "Kanda"),
    ("จันทร์", "Chan"),
    ("ดวงใจ", "Duangchai"),
    ("นารี", "Nari"),
    ("บุษบา", "Butsaba"),
    ("พิมพ์ใจ", "Phimchai"),
    ("มาลี", "Mali"),
    ("รัตนา", "Rattana"),
    ("วันดี", "Wandi"),
    ("สมศรี", "Somsi"),
    ("อรุณี", "Aruni"),
    ("อัมพร", "Amphon"),
)
THAI_FAMILIES: Words = (
    ("บุญมา", "Bunma"),
    ("ทองดี", "Thongdi"),
    ("ศรีสุข", "Sisuk"),
    ("แก้วมณี", "Kaeomani"),
    ("พรหมมา", "Phromma"),
    ("คำแสน", "Khamsaen"),
    ("จันทะวงศ์", "Chanthawong"),
    ("นาคสวัสดิ์", "Naksawat"),
    ("สายบัว", "Saibua"),
    ("อินทร์แก้ว", "Inkaeo"),
    ("มีทรัพย์", "Misap"),
    ("ปานทอง", "Panthong"),
    ("ชัยมงคล", "Chaimongkhon"),
    ("รุ่งเรือง", "Rungrueang"),
    ("หอมหวาน", "Homwan"),
    ("ดีเลิศ", "Diloet"),
)
THAI_PROVINCES: Words = (
    ("สระแก้ว", "Sa Kaeo"),
    ("ตราด", "Trat"),
    ("จันทบุรี", "Chanthaburi"),
    ("สุรินทร์", "Surin"),
    ("ศรีสะเกษ", "Si Sa Ket"),
    ("อุบลราชธานี", "Ubon Ratchathani"),
)
VIETNAMESE_FAMILIES: Words = (
    ("Nguyễn", "NGUYEN"),
    ("Trần", "TRAN"),
    ("Lê", "LE"),
    ("Phạm", "PHAM"),
    ("Huỳnh", "HUYNH"),
    ("Võ", "VO"),
    ("Đặng", "DANG"),
    ("Bùi", "BUI"),
    ("Đỗ", "DO"),
    ("Dương", "DUONG"),
)
VIETNAMESE_MIDDLES: Words = (
    ("Văn", "VAN"),
    ("Thị", "THI"),
    ("Quốc", "QUOC"),
    ("Ngọc", "NGOC"),
    ("Hữu", "HUU"),
    ("Thanh", "THANH"),
    ("Kim", "KIM"),
)
VIETNAMESE_GIVEN: Words = (
    ("An", "AN"),
    ("Bình", "BINH"),
    ("Châu", "CHAU"),
    ("Dũng", "DUNG"),
    ("Hạnh", "HANH"),
    ("Hùng", "HUNG"),
    ("Lan", "LAN"),
    ("Long", "LONG"),
    ("Mai", "MAI"),
    ("Nga", "NGA"),
    ("Phúc", "PHUC"),
    ("Quân", "QUAN"),
    ("Sơn", "SON"),
    ("Tuấn", "TUAN"),
    ("Yến", "YEN"),
)
VIETNAMESE_PROVINCES: Words = (
    ("Tây Ninh", "TAY NINH"),
    ("An Giang", "AN GIANG"),
    ("Đồng Tháp", "DONG THAP"),
    ("Long An", "LONG AN"),
    ("Quảng Trị", "QUANG TRI"),
)
KHMER_FAMILIES: Words = (
    ("សុខ", "SOK"),
    ("ចាន់", "CHAN"),
    ("លី", "LY"),
    ("កែវ", "KEO"),
    ("ហេង", "HENG"),
    ("អ៊ុក", "OUK"),
    ("ប៉ែន", "PEN"),
    ("ឈឹម", "CHHIM"),
    ("នួន", "NUON"),
    ("មាស", "MEAS"),
)
KHMER_GIVEN: Words = (
    ("វណ្ណា", "VANNA"),
    ("សុភា", "SOPHEA"),
    ("បូរី", "BOREY"),
    ("ដារ៉ា", "DARA"),
    ("ចាន់ថា", "CHANTHA"),
    ("រតនា", "RATANA"),
    ("សំណាង", "SAMNANG"),
    ("ធារី", "THEARY"),
    ("ពិសិដ្ឋ", "PISETH"),
    ("មករា", "MAKARA"),
    ("សុវណ្ណ", "SOVANN"),
    ("វិចិត្រ", "VICHET"),
)
KHMER_PROVINCES: Words = (
    ("បន្ទាយមានជ័យ", "Banteay Meanchey"),
    ("បាត់ដំបង", "Battambang"),
    ("កោះកុង", "Koh Kong"),
    ("ស្វាយរៀង", "Svay Rieng"),
    ("ភ្នំពេញ", "Phnom Penh"),
)
FIRMS: Words = (
    ("ក្រុមហ៊ុន មេគង្គ អង្ករ", "MEKONG GRAIN TRADING"),
    ("ក្រុមហ៊ុន ផ្កាឈូក", "LOTUS FREIGHT"),
    ("ក្រុមហ៊ុន ទន្លេសាប", "TONLE LOGISTICS"),
    ("ក្រុមហ៊ុន អង្គរ", "TEMPLE GATE IMPORT"),
    ("ក្រុមហ៊ុន ព្រះអាទិត្យ", "SUNRISE ELECTRICS"),
)
GOODS: tuple[tuple[str, str], ...] = (
    ("100630", "milled rice"),
    ("852872", "television sets"),
    ("870322", "used motor cars"),
    ("440349", "tropical logs"),
    ("284161", "potassium permanganate"),
    ("300490", "medicines in doses"),
    ("640399", "leather shoes"),
    ("940360", "wooden furniture"),
)

"""Text that most contents of entries share, so that none has to store it. No person, case or record is in it.

Contents of form 2 can be read with exactly these bytes only: another text needs another form. What is commonest stands
last.
"""

from __future__ import annotations

from typing import Final

_CERTIFICATE = bytes.fromhex(
    "3082020f308201b5a0030201020214300a06082a8648ce3d0403023040310b300906035504061302"
    "3110300e060355040a0c074c696169736f6e311f301d06035504030c164c696169736f6e206e6174696f6e616c20434120"
    "301e170d3236313132383037343830355a170d3237313230393037343830355a30163114301206035504030c0b"
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004a381b63081b3301d0603551d0e04160414"
    "300c0603551d130101ff04023000300e0603551d0f0101ff04040302078030130603551d25040c300a06082b06010505070324"
    "303e0603551d110437303586337370696666653a2f2f6c696169736f6e2f"
    "2f6167656e63792f696d6d6967726174696f6e2f68656c642d62792d6e6f6465"
    "301f0603551d23041830168014300a06082a8648ce3d0403020348003045022022100"[:-1]
)
"""What certificates of agencies have in common (DER)."""

_CLAIMS = (
    b'{"iss":"th.police","aud":"vn","iat":17,"exp":17,"vct":"liaison:TravelDocument:1","owner":"th.police","request":"",'
    b'"jti":"","marking":{"level":"OFFICIAL","use":["U0"],"caveats":[],"onward":"ASK","purposes":["INVESTIGATION"],'
    b'"not_after":"2026-12-28T07:53:00Z","evaluation":"A1"},"_sd_alg":"sha-256","_sd":["","'
    b"IiwidmFsdWUiOiIiLCJjYWxlbmRhciI6IkdSRUcifV0~WyJ"
)
"""What records say of themselves."""

_STATEMENTS = (
    b'TravelDocument"\x0fdocument-number"\x0fdocument-issuer2Vehicle\x12\x05plate\x12\x08EXACT_IDPersonRecordWantedPerson'
    b'{"alg":"ES256","typ":"liaison-record+sd-jwt","x5c":["'
    b"\x12+application/vnd.liaison.receipt.v1+protobuf\x1a\x84\x01\n@\x12"
    b"\x12*application/vnd.liaison.consent.v1+protobuf"
    b"\x12\x0fth.blo.mukdahan\x1a\x06policeZ\x0fgms-border-2026bA\n\x07officer\x12\x14th.blo.aranyaprathet"
    b'\x1a\x02th"\x02vn*\x0c\x08\x10:\rINVESTIGATIONB\x04NARCJ\x0c2026-j '
    b"\x12+application/vnd.liaison.request.v1+protobuf"
    b"\x1a\x84\x01\n@\x12@"
    b'\n\x80\x10\n \x1a\x02vn"\x02th* 2\x0c\x08\x10\x028\x02b \x12*application/vnd.liaison.answer.v3+protobuf'
    b"\x1a\x84\x01\n@\x12@"
)
_LISTS = (
    b"THREAT_TO_LIFE VICTIM_PROTECTION MISSING_PERSON CUSTOMS_CONTROL MLA_PREPARATION COUNTERFEIT MEDICINE EWASTE"
    b" TIMBER WILD ARMS SCAM MONEY TERROR PREC SOM TIP OTHER DOCFRAUD PREVENTION BORDER_CHECK verifier supervisor"
    b" auditor suspended refused partial not_searched too_many silent container declaration vehicle plate name person"
    b" RESTRICTED OPEN customs immigration police"
)
_PRIVATE_PARTS = (
    b'{"version":"0.","policy_hash":"","trust_hash":"'
    b'{"first":1,"through":,"gaps":[],"statement":"CoABCiA","their_index":'
    b'"code":"","retry_after_s":"refusal":{"codes":["no-agreement"],"notice":"","by":"","reason":"","thread":"","state":"'
    b'"record_type":"TravelDocument","owner":"immigration","category":"OWNER","marking":{"level":"OFFICIAL","use":["U0"],'
    b'"caveats":[],"releasable_to":["kh","th","vn"],"withhold_from":[],"onward":"ASK","evaluation":"A1"}}]}],"hits":["'
    b'{"officer":"th.o.","case":"TH-2026-","search":"","outcome":"hit","refusal":"","hits":1,"missing":[],'
    b'"their_index":,'
    b'"their_entry":"{\\"v\\":1,\\"log\\":\\"vn.liaison.internal/exchange/1\\",\\"seq\\":,\\"t\\":1,\\"kind\\":\\"received\\"'
    b'\\"answered\\",\\"peer\\":\\"th\\",\\"n\\":,\\"xid\\":\\"\\",\\"req\\":\\"\\",\\"ans\\":\\"\\",'
    b'\\"priv\\":\\"\\"}",'
    b'"their_hashes":["","","],"their_checkpoint":"vn.liaison.internal/exchange/1\\n\\n'
    b"\xe2\x80\x94 vn.liaison.internal/exchange/1 "
    b'{"officer":"th.o.","on_behalf_of":"","role":"officer","office":"th.blo.aranyaprathet","agency":"police","client":"",'
    b'"token":"","purpose":"INVESTIGATION","offence":"NARC","case":"TH-2026-","ticket":"","query":"document","search":"",'
    b'"question":{"number":"","issuer":"VNM"},"outcome":"no_hit","sources":{"hits":0,"missing":[]}}'
    b'"agreement":"gms-border-2026","token_salt":"'
    b'{"purpose":"INVESTIGATION","offence":"NARC","case":"TH-2026-","ticket":"","agreement":"gms-border-2026","requester":'
    b'["officer","th.blo.aranyaprathet","police",""],"query":"document","outcome":"no_hit","missing":[],"decision":'
    b'{"policies":["base/question","national/vn-answer"],"hash":"","attributes":{"counterpart":"th","role":"officer",'
    b'"agency":"police","office":"th.blo.aranyaprathet","query":"document","purpose":"INVESTIGATION","offence":"NARC",'
    b'"agreement":"gms-border-2026","has_case":true,"has_ticket":false},"at_us":17},"sources":[{"id":"vn.immigration.border",'
    b'"state":"ok","hits":0,"suppressed":[],"denied":[],"policies":[],"attributes":[]}],"hits":[],"withheld":[],'
    b'"withheld_salt":"'
)

COMMON: Final = _CERTIFICATE + _CLAIMS + _LISTS + _STATEMENTS + _PRIVATE_PARTS

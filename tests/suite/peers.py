#!/usr/bin/env python3
"""What we made, as other implementations see it.

    peers.py FILE     reads what `peers.rs` wrote; prints a line for each problem

Identifiers go to python-stdnum. Values of `fpe` are encrypted again by cyphera (FF1) and ff3 (FF3-1), under
keys derived here as docs/keys.md says, and not by our code.
"""

import hashlib
import hmac
import importlib
import json
import sys
from pathlib import Path

from cyphera.ff1 import FF1
from ff3 import FF3Cipher
from stdnum import luhn

MODULES = {
    "ar_cuit": "ar.cuit", "at_svnr": "at.vnr", "au_abn": "au.abn", "au_acn": "au.acn", "au_tfn": "au.tfn",
    "be_nn": "be.nn", "br_cnpj": "br.cnpj", "br_cnpj_alnum": "br.cnpj", "br_cpf": "br.cpf", "ca_sin": "ca.sin",
    "ch_ahv": "ch.ssn", "cl_rut": "cl.rut", "cn_ric": "cn.ric", "de_idnr": "de.idnr", "es_dni": "es.dni",
    "es_nie": "es.nie", "fi_hetu": "fi.hetu", "fr_nir": "fr.nir", "fr_siren": "fr.siren", "gb_nhs": "gb.nhs",
    "gb_utr": "gb.utr", "hr_oib": "hr.oib", "ie_pps": "ie.pps", "il_id": "il.idnr", "imei": "imei",
    "in_aadhaar": "in_.aadhaar", "in_pan": "in_.pan", "it_cf": "it.codicefiscale", "jp_mynumber": "jp.in_",
    "kr_rrn": "kr.rrn", "lei": "lei", "mx_curp": "mx.curp", "nl_bsn": "nl.bsn", "no_fnr": "no.fodselsnummer",
    "nz_ird": "nz.ird", "pl_pesel": "pl.pesel", "pt_nif": "pt.nif", "ro_cnp": "ro.cnp", "se_pnr": "se.personnummer",
    "tr_tckn": "tr.tckimlik", "us_itin": "us.itin", "us_rtn": "us.rtn", "us_ssn": "us.ssn", "za_id": "za.idnr",
    "iban": "iban", "credit_card": "luhn",
}
# python-stdnum has no module for these.
UNKNOWN = {"au_medicare", "gb_nino", "sg_nric", "vin"}


def validator(kind):
    if kind == "us_npi":
        return lambda number: luhn.validate("80840" + number)
    return importlib.import_module("stdnum." + MODULES[kind]).validate


def problems_of_identifiers(identifiers):
    checked = 0
    for entry in identifiers:
        if entry["kind"] in UNKNOWN:
            continue
        validate = validator(entry["kind"])
        for value in entry["values"]:
            number = value.replace("-", "").replace(" ", "") if entry["kind"] == "credit_card" else value
            checked += 1
            try:
                validate(number)
            except Exception as error:
                yield f"{entry['what']}: {value} is refused: {error!r}"
        # The peer must be able to refuse, or its word is worth nothing.
        wrong = [entry["values"][0][:at] + other + entry["values"][0][at + 1:]
                 for at in range(len(entry["values"][0])) for other in "0123456789X"]
        refused = 0
        for value in wrong:
            try:
                validate(value)
            except Exception:
                refused += 1
        if refused == 0:
            yield f"{entry['what']}: nothing is refused"
    print(f"identifiers: {checked} checked")


def lp(text):
    return len(text.encode()).to_bytes(4, "big") + text.encode()


def expand(root, labels, length):
    info, block, key = b"".join(map(lp, labels)), b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(root, block + info + bytes([counter]), "sha256")
        key += block
    return key[:length]


def problems_of_fpe(run_secret, encrypted):
    root = hmac.digest(b"", run_secret.encode(), "sha256")
    checked = 0
    for entry in encrypted:
        cipher_root = expand(root, ["visard/1", "fpe", "fpe", "named:" + entry["domain"]], 32)
        key = expand(cipher_root, ["visard/1", entry["algorithm"], str(entry["bits"])], entry["bits"] // 8)
        if entry["algorithm"] == "ff1":
            cipher = FF1(key, entry["tweak"].encode(), entry["alphabet"])
        else:
            cipher = FF3Cipher.withCustomAlphabet(key.hex(), entry["tweak"], entry["alphabet"])
        for plain, masked in zip(entry["plain"], entry["masked"], strict=True):
            checked += 1
            image = cipher.encrypt(plain.lstrip("-"))
            while entry["numbers"] and (image.startswith("0") or int(image) > entry["greatest"]):
                image = cipher.encrypt(image)
            if ("-" if plain.startswith("-") else "") + image != masked:
                yield f"{entry['what']}: {plain} becomes {masked} here and {image} there"
    print(f"fpe: {checked} checked")


def main():
    data = json.loads(Path(sys.argv[1]).read_text())
    problems = list(problems_of_identifiers(data["identifiers"]))
    problems += problems_of_fpe(data["run_secret"], data["encrypted"])
    for problem in problems:
        print("problem:", problem)
    sys.exit(bool(problems))


main()

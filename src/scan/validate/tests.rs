//! Numbers that authorities and standards publish as examples, and the same with one character changed.

use super::Validator;

#[track_caller]
fn check(name: &str, good: &[&str], broken: &[&str]) {
    let validator = Validator::by_name(name).expect("it is in the table");
    assert_eq!(validator.name(), name);
    for (texts, expected) in [(good, true), (broken, false)] {
        for text in texts {
            let accepted = validator.accepts(text.as_bytes());
            assert_eq!(accepted, expected, "{name}: {text:?}");
        }
    }
}

#[test]
fn each_has_a_name_of_its_own_and_refuses_what_is_nothing() {
    let mut names: Vec<&str> = Validator::all().map(Validator::name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for validator in Validator::all() {
        for nothing in ["", " ", "-", "\u{e9}", "x"] {
            let accepted = validator.accepts(nothing.as_bytes());
            assert!(!accepted, "{}: {nothing:?}", validator.name());
        }
    }
    assert_eq!(Validator::by_name("luhn"), Validator::all().next());
    assert_eq!(Validator::by_name("lun"), None);
}

#[test]
fn none_fails_on_any_bytes() {
    // A walk over lengths and alphabets: what a client sends must never stop a check.
    let alphabets: [&[u8]; 6] = [b"0", b"9", b"Z", b"a1", b"0.-: /", &[0, 0x7F, 0x80, 0xFF]];
    for validator in Validator::all() {
        for alphabet in alphabets {
            for length in 0..80 {
                let text: Vec<u8> = alphabet.iter().copied().cycle().take(length).collect();
                validator.accepts(&text);
            }
        }
    }
}

#[test]
fn cards_and_devices() {
    check(
        "luhn",
        &["79927398713", "4242 4242 4242 4242"],
        &["79927398710", "7a"],
    );
    // The test cards of Stripe and Adyen.
    let cards = [
        "4242 4242 4242 4242",
        "4111 1111 1111 1111",
        "378282246310005",
        "5555555555554444",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
        "6759649826438453",
    ];
    check(
        "card",
        &cards,
        &["4242424242424241", "79927398713", "1234567812345670"],
    );
    check(
        "imei",
        &["490154203237518", "49-015420-323751-8"],
        &["490154203237517"],
    );
    check(
        "vin",
        &["1M8GDM9AXKP042788", "11111111111111111"],
        &["1M8GDM9A1KP042788"],
    );
}

#[test]
fn accounts() {
    // From the IBAN registry.
    let accounts = [
        "GB29 NWBK 6016 1331 9268 19",
        "DE89370400440532013000",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO93 8601 1117 947",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    ];
    check(
        "iban",
        &accounts,
        &["GB29NWBK60161331926818", "GB98ZOHK6804799507827"],
    );
    check(
        "mod97",
        &["GB98ZOHK6804799507827"],
        &["GB98ZOHK6804799507828"],
    );
    check(
        "us_aba",
        &["111000025", "021000021"],
        &["021000022", "999999999"],
    );
}

#[test]
fn networks_and_coins() {
    check(
        "ipv4",
        &["203.0.113.7", "1.2.3.4", "8.8.4.4", "1.1.1.1", "4.10.2.7"],
        &["256.1.1.1", "1.2.3", "01.2.3.4", "5.2.1.1", "1.8.1.5"],
    );
    let addresses = [
        "2001:db8::8a2e:370:7334",
        "fe80::1ff:fe23:4567:890a",
        "1:2:3:4:5:6:7:abcd",
    ];
    check(
        "ipv6",
        &addresses,
        &[
            "::1",
            "a::b",
            "dead::beef",
            "10:20:30",
            "13:5C:EC:36:F4:9C:B8:E9",
            "1:2:3:4:5:6:7:8:9",
        ],
    );
    // The first block's address; an example of BIP 16.
    let base58 = [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    ];
    check(
        "base58check",
        &base58,
        &["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "1111"],
    );
    // BIP 173, BIP 350.
    let bech32 = [
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ];
    check(
        "bech32",
        &bech32,
        &["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "Bc1qw508d6q"],
    );
    // EIP-55: mixed, all upper, all lower.
    let eip55 = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ];
    check(
        "eip55",
        &eip55,
        &["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "0x5aAe"],
    );
}

#[test]
fn phones_and_dates() {
    check(
        "e164",
        &["+14155550123", "+49 (0) 2587 004251"],
        &["+9999999999", "+1415"],
    );
    check(
        "phone",
        &["415-555-0123", "(020) 7496 0420"],
        &["2024-03-15", "3835 (127.0.0.1", "12"],
    );
    check("phone_9", &["030 1234567"], &["539-3028"]);
    check(
        "date",
        &["1958-05-05", "29.02.2000", "10/19/1986", "May 3, 1970"],
        &["31.02.1999", "1958-13-05"],
    );
    check("id_code", &["L01X00T47", "F32146881"], &["RENEWAL"]);
}

#[test]
fn tokens() {
    check("entropy_3_0", &["0123456789abcdef"], &["aaaaaaaabbbbbbbb"]);
    let header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    check(
        "jwt",
        &[header, &format!("{header}.eyJzdWIi")],
        &["eyJub3QiOiJhIHRva2VuIn0", "eyJ"],
    );
    let code = [
        "HMAC_SHA256",
        "HMAC_SHA25",
        "v1.22.0-beta1",
        "src/a1.rs/b2",
        "token_name",
    ];
    check(
        "mixed_token",
        &["AIhq5Xyb1Gga9Q0", "0123456789abcdef0123456789abcdef"],
        &code,
    );
    check(
        "random_token",
        &["ab1cd2ef3gh4ij5"],
        &["bootstrap3tokenfield12"],
    );
    check(
        "mixed_case_token",
        &["Ab1Cd2Ef3Gh4Ij5Kl6"],
        &["ab1cd2ef3gh4ij5kl6"],
    );
    check(
        "key_token",
        &["ab1xy2zz3gh4ij5kl6"],
        &["0123456789abcdef0123456789abcdef"],
    );
    check(
        "hex_or_mixed",
        &["0123456789abcdef", "Ab1Cd2Ef3Gh4Ij5Kl6"],
        &["abcdefghijklmnop"],
    );
    let words = ["string", "${DB_PASS1}", "0x0dead1beef", "sha256", "passw"];
    check(
        "password",
        &["hunter2345", "Passw!rD", "237dg546fs9"],
        &words,
    );
    check(
        "user_password",
        &["admin:dG9rZW4g1"],
        &["1000:1000", "app:app"],
    );
    check(
        "url_userinfo",
        &["user:secret@"],
        &["user:${PASS}@", "user"],
    );
    check(
        "basic_credentials",
        &["dXNlcjpwYXNzd29yZA=="],
        &["understanding"],
    );
}

#[test]
fn western_europe() {
    check(
        "de_steuer_id",
        &["36574261809", "86 095 742 719"],
        &["36574261808", "11111111111"],
    );
    check(
        "de_personalausweis",
        &["L01X00T471", "T220001293"],
        &["L01X00T472"],
    );
    check(
        "de_rvnr",
        &["15 070649 C 103", "65170839J003"],
        &["15070649C104"],
    );
    check(
        "fr_nir",
        &["2 95 10 99 126 111 93", "253072B07300470"],
        &["295109912611194", "253072C07300470"],
    );
    check(
        "es_dni",
        &["54362315-K", "X-2482300W", "12345678Z"],
        &["54362315J"],
    );
    check(
        "it_codice_fiscale",
        &["RCCMNL83S18D969H"],
        &["RCCMNL83S18D969I"],
    );
    check("pt_nif", &["501 964 843"], &["501964842"]);
    check(
        "nl_bsn",
        &["111222333", "1112.22.333"],
        &["111222334", "000000000"],
    );
    check(
        "be_nrn",
        &["85.07.30-033.28", "17.07.30-033.84"],
        &["85.07.30-033.29"],
    );
    check("at_svnr", &["1237 010180"], &["1238 010180"]);
    check("ch_ahv", &["756.9217.0769.85"], &["756.9217.0769.84"]);
    check(
        "ie_pps",
        &["6433435F", "6433435FW", "6433435OA"],
        &["6433435E", "6433435X"],
    );
    check("gr_afm", &["094259216", "023456780"], &["094259217"]);
    check("gr_amka", &["01013099997"], &["01013099998"]);
    check(
        "uk_nhs",
        &["943 476 5919", "401 023 2137"],
        &["943 476 5918"],
    );
}

#[test]
fn northern_europe() {
    check(
        "se_personnummer",
        &["811228-9874", "198112289874"],
        &["811228-9873", "811328-9874"],
    );
    check(
        "no_fodselsnummer",
        &["15108695088", "010107 50160"],
        &["15108695089"],
    );
    check("dk_cpr", &["211062-5629", "0610607604"], &["211362-5629"]);
    check(
        "fi_hetu",
        &["131052-308T", "131052A308T"],
        &["131052-308U", "131352-308T"],
    );
    check("is_kennitala", &["120174-3399"], &["120174-3389"]);
    check(
        "ee_isikukood",
        &["36805280109", "38703181745"],
        &["36805280108"],
    );
    check(
        "lv_personas_kods",
        &["161175-19997", "328673-00679"],
        &["161175-19996"],
    );
}

#[test]
fn eastern_europe() {
    check(
        "pl_pesel",
        &["44051401359", "02070803628"],
        &["44051401358"],
    );
    check("pl_nip", &["856-734-62-15"], &["856-734-62-16"]);
    check(
        "cz_rodne_cislo",
        &["710319/2745"],
        &["710319/2746", "711319/2745"],
    );
    check("hu_taj", &["123 456 788"], &["123 456 789"]);
    check("hu_adoazonosito", &["8071592153"], &["8071592154"]);
    check(
        "ro_cnp",
        &["1630615123457", "1800101221144"],
        &["1630615123458"],
    );
    check("bg_egn", &["7523169263", "7552010005"], &["7523169262"]);
    check("hr_oib", &["33392005961"], &["33392005962"]);
    check(
        "jmbg",
        &["0101006500006", "0710003730015"],
        &["0101006500007"],
    );
    check("ua_rnokpp", &["1759013776"], &["1759013777"]);
    check(
        "ru_inn",
        &["7830002293", "500100732259"],
        &["7830002294", "500100732258"],
    );
    check(
        "ru_snils",
        &["112-233-445 95", "087-654-303 00"],
        &["112-233-445 94"],
    );
    check("tr_tckn", &["17291716060", "10000000146"], &["17291716061"]);
}

#[test]
fn the_americas() {
    check("us_npi", &["1234567893"], &["1234567890"]);
    check("us_dea", &["AB1234563"], &["AB1234560"]);
    check("ca_sin", &["046 454 286", "123-456-782"], &["046 454 287"]);
    check("mx_curp", &["BOXW310820HNERXN09"], &["BOXW310820HNERXN08"]);
    check(
        "mx_rfc",
        &["GODE561231GR8"],
        &["GODE561231GR9", "GODE561331GR8"],
    );
    check(
        "br_cpf",
        &["390.533.447-05", "11144477735"],
        &["390.533.447-06"],
    );
    check(
        "br_cnpj",
        &["16.727.230/0001-97", "12.ABC.345/01DE-35"],
        &["16.727.230/0001-98"],
    );
    check(
        "ar_cuit",
        &["20-05536168-2", "20267565393"],
        &["20-05536168-3"],
    );
    check("cl_rut", &["12.531.909-2", "76086428-5"], &["12.531.909-3"]);
    check("co_nit", &["213.123.432-1"], &["213.123.432-2"]);
    check("ec_cedula", &["171430710-3"], &["171430710-4"]);
    check("pe_ruc", &["20512333797", "20100070970"], &["20512333798"]);
    check("uy_ci", &["1.234.567-2"], &["1.234.567-3"]);
}

#[test]
fn asia_africa_oceania() {
    check(
        "in_aadhaar",
        &["2341 2341 2346"],
        &["2341 2341 2347", "1341 2341 2346"],
    );
    check(
        "cn_resident_id",
        &["11010519491231002X"],
        &["110105194912310021", "11010519491331002X"],
    );
    check("tw_id", &["A123456789"], &["A123456788"]);
    check(
        "hk_hkid",
        &["A123456(3)", "G123456(A)", "AB987654(3)"],
        &["A123456(4)"],
    );
    check(
        "sg_nric",
        &["S1234567D", "T1234567J", "F1234567N", "M1234567K"],
        &["S1234567E"],
    );
    check("kr_rrn", &["900101-1234567"], &["901301-1234567"]);
    check("jp_my_number", &["123456789018"], &["123456789017"]);
    check("th_id", &["1-2345-45678-78-1"], &["1-2345-45678-78-2"]);
    check(
        "my_mykad",
        &["770305-02-1234"],
        &["770305-00-1234", "771305-02-1234"],
    );
    check("id_nik", &["3171011708450001"], &["3171013208990001"]);
    check("kz_iin", &["800101300056"], &["800101300055"]);
    check("il_id", &["039337423", "3933742-3"], &["039337422"]);
    check(
        "ae_emirates_id",
        &["784-1980-1234567-8"],
        &["784-1980-1234567-7"],
    );
    check(
        "za_id",
        &["8001015009087", "7503305044089"],
        &["8001015009088"],
    );
    check("au_tfn", &["123 456 782", "81854402"], &["123 456 783"]);
    check("au_medicare", &["2123 45670 1"], &["2123 45671 1"]);
    check(
        "au_abn",
        &["51 824 753 556", "83914571673"],
        &["51 824 753 557"],
    );
    check("nz_ird", &["49-091-850", "136410132"], &["49-091-851"]);
}

//! National identifiers with their checksums: of persons, of their taxes and health insurance.
//!
//! A country whose newer numbers have no checksum (Denmark since 2007, Korea since 2020, Latvia since
//! 2017) is checked by the date of birth in the number.

mod americas;
mod asia;
mod east;
mod north;
mod west;

use super::Named;

/// All of them, by region.
pub(super) const ALL: &[Named] = &[
    // Western and southern Europe.
    ("de_steuer_id", west::de_steuer_id),
    ("de_personalausweis", west::de_personalausweis),
    ("de_rvnr", west::de_rvnr),
    ("fr_nir", west::fr_nir),
    ("es_dni", west::es_dni),
    ("it_codice_fiscale", west::it_codice_fiscale),
    ("pt_nif", west::pt_nif),
    ("nl_bsn", west::nl_bsn),
    ("be_nrn", west::be_nrn),
    ("at_svnr", west::at_svnr),
    ("ch_ahv", west::ch_ahv),
    ("ie_pps", west::ie_pps),
    ("gr_afm", west::gr_afm),
    ("gr_amka", west::gr_amka),
    ("uk_nhs", west::uk_nhs),
    // Northern Europe and the Baltic states.
    ("se_personnummer", north::se_personnummer),
    ("no_fodselsnummer", north::no_fodselsnummer),
    ("dk_cpr", north::dk_cpr),
    ("fi_hetu", north::fi_hetu),
    ("is_kennitala", north::is_kennitala),
    ("ee_isikukood", north::ee_isikukood),
    ("lv_personas_kods", north::lv_personas_kods),
    // Central and eastern Europe.
    ("pl_pesel", east::pl_pesel),
    ("pl_nip", east::pl_nip),
    ("cz_rodne_cislo", east::cz_rodne_cislo),
    ("hu_taj", east::hu_taj),
    ("hu_adoazonosito", east::hu_adoazonosito),
    ("ro_cnp", east::ro_cnp),
    ("bg_egn", east::bg_egn),
    ("hr_oib", east::hr_oib),
    ("jmbg", east::jmbg),
    ("ua_rnokpp", east::ua_rnokpp),
    ("ru_inn", east::ru_inn),
    ("ru_snils", east::ru_snils),
    ("tr_tckn", east::tr_tckn),
    // The Americas.
    ("us_npi", americas::us_npi),
    ("us_aba", americas::us_aba),
    ("us_dea", americas::us_dea),
    ("ca_sin", americas::ca_sin),
    ("mx_curp", americas::mx_curp),
    ("mx_rfc", americas::mx_rfc),
    ("br_cpf", americas::br_cpf),
    ("br_cnpj", americas::br_cnpj),
    ("ar_cuit", americas::ar_cuit),
    ("cl_rut", americas::cl_rut),
    ("co_nit", americas::co_nit),
    ("ec_cedula", americas::ec_cedula),
    ("pe_ruc", americas::pe_ruc),
    ("uy_ci", americas::uy_ci),
    // Asia, Africa, Oceania.
    ("in_aadhaar", asia::in_aadhaar),
    ("cn_resident_id", asia::cn_resident_id),
    ("tw_id", asia::tw_id),
    ("hk_hkid", asia::hk_hkid),
    ("sg_nric", asia::sg_nric),
    ("kr_rrn", asia::kr_rrn),
    ("jp_my_number", asia::jp_my_number),
    ("th_id", asia::th_id),
    ("my_mykad", asia::my_mykad),
    ("id_nik", asia::id_nik),
    ("kz_iin", asia::kz_iin),
    ("il_id", asia::il_id),
    ("ae_emirates_id", asia::ae_emirates_id),
    ("za_id", asia::za_id),
    ("au_tfn", asia::au_tfn),
    ("au_medicare", asia::au_medicare),
    ("au_abn", asia::au_abn),
    ("nz_ird", asia::nz_ird),
];

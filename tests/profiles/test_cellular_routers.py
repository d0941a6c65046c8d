"""Routers with modems and DSL lines: Teltonika, whose models differ in types and words, and DrayTek."""

from __future__ import annotations

from tests.profiles.recorded import hardware, read


async def test_a_teltonika_that_answers_as_net_snmp_is_told_by_its_makers_subtree():
    router = await read("teltonika-lte")
    assert router.profile == "teltonika"
    assert hardware(router) == ("Teltonika", "RUTX00MADEUP", "SER00000002", "RUTX_R_00.00.01")
    assert router.values == {
        ("netmon_cellular_registered", "modem 1"): 1,
        ("netmon_cellular_connected", "modem 1"): 1,
        ("netmon_cellular_rssi_dbm", "modem 1"): -71,
        ("netmon_cellular_rsrp_dbm", "modem 1"): -98,
        ("netmon_cellular_rsrq_db", "modem 1"): -12.5,
        ("netmon_cellular_sinr_db", "modem 1"): 9.5,
        ("netmon_temperature_celsius", "modem 1"): 38.5,
    }
    told = router.infos["netmon_cellular_info", "modem 1"]
    assert (told["operator"], told["technology"], told["cell"]) == ("Made-up Mobile", "LTE", "4242")


async def test_texts_where_the_mib_has_integers_and_other_words_for_a_state_mean_the_same():
    router = await read("teltonika-5g")
    assert {key: value for key, value in router.values.items() if key[1] == "modem 1"} == {
        ("netmon_cellular_registered", "modem 1"): 1,
        ("netmon_cellular_connected", "modem 1"): 1,
        ("netmon_cellular_rssi_dbm", "modem 1"): -63,
        ("netmon_cellular_rsrp_dbm", "modem 1"): -91,
        ("netmon_cellular_rsrq_db", "modem 1"): -10,
        ("netmon_cellular_sinr_db", "modem 1"): 0,
        ("netmon_temperature_celsius", "modem 1"): 45.2,
    }
    assert router.infos["netmon_cellular_info", "modem 1"]["technology"] == "5G-NSA"
    assert router.values["netmon_processor_load_ratio", "system"] == 0.17


async def test_a_modem_without_a_network_is_not_registered_and_has_no_signal():
    router = await read("teltonika-5g")
    assert {key: value for key, value in router.values.items() if key[1] == "modem 2"} == {
        ("netmon_cellular_registered", "modem 2"): 0,
        ("netmon_cellular_connected", "modem 2"): 0,
    }
    assert router.infos["netmon_cellular_info", "modem 2"]["technology"] == ""


async def test_an_old_teltonika_keeps_its_imei_and_imsi_to_itself():
    router = await read("teltonika-old")
    assert router.profile == "teltonika_legacy"
    assert hardware(router) == ("Teltonika", "RUT000", "SER00000006", "RUT2XX_R_00.00.00")
    assert router.values == {
        ("netmon_cellular_registered", "modem 1"): 1,
        ("netmon_cellular_connected", "modem 1"): 0,
        ("netmon_cellular_rssi_dbm", "modem 1"): -87,
        ("netmon_temperature_celsius", "modem 1"): 40.5,
    }
    assert "MADE-UP" not in str(router.infos)


async def test_a_draytek_tells_of_its_line_by_direction_and_of_its_modem():
    router = await read("draytek-dsl")
    assert router.profile == "draytek"
    assert hardware(router) == ("DrayTek", "Vigor0000Lac", "", "9.9.9")
    assert router.values == {
        ("netmon_memory_used_ratio", "main"): 0.41,
        ("netmon_ambient_temperature_celsius", "USB thermometer"): 27.5,
        ("netmon_humidity_ratio", "USB thermometer"): 0.63,
        ("netmon_cellular_connected", "LTE"): 1,
        ("netmon_cellular_rssi_dbm", "LTE"): -77,
        ("netmon_cellular_rsrp_dbm", "LTE"): -103,
        ("netmon_cellular_rsrq_db", "LTE"): -9,
        ("netmon_dsl_snr_margin_db", "ADSL/downstream ADSL"): -1.5,
        ("netmon_dsl_snr_margin_db", "ADSL/upstream ADSL"): 9.2,
        ("netmon_dsl_attenuation_db", "ADSL/upstream ADSL"): 18.7,
        ("netmon_dsl_rate_bytes_per_second", "ADSL/downstream ADSL"): 1_500_000,
        ("netmon_dsl_rate_bytes_per_second", "ADSL/upstream ADSL"): 128_000,
    }


async def test_a_thermometer_that_may_speak_of_fahrenheit_is_no_reading():
    router = await read("draytek-fahrenheit")
    assert {family for family, _ in router.values} == {"netmon_memory_used_ratio", "netmon_humidity_ratio"}

//! What counts where one setting, or the program's name, has a say in another.

use super::*;

#[test]
fn of_two_variables_the_first_counts_and_the_other_is_reported() {
    let (first, second) = (("SELDON_LOG_LEVEL", "ERROR"), ("LOG_LEVEL_ENV", "DEBUG"));
    assert_eq!(quiet(&[], &[second]).log.level, LogLevel::Debug);
    assert_eq!(quiet(&[], &[first]).log.level, LogLevel::Error);
    assert_eq!(
        quiet(&[], &[(first.0, ""), second]).log.level,
        LogLevel::Debug
    );
    assert_eq!(
        iris(&[], &[first, second]).settings.log.level,
        LogLevel::Error
    );
    assert_eq!(
        warnings(&[], &[first, second]),
        [r#"LOG_LEVEL_ENV="DEBUG" is left out: SELDON_LOG_LEVEL="ERROR" comes first"#]
    );
    assert_eq!(
        quiet(&[], &[first, (second.0, "ERROR")]).log.level,
        LogLevel::Error
    );
}

#[test]
fn seldon_core_s_variable_of_the_log_level_beats_its_flag_and_debug() {
    let variable = [("SELDON_LOG_LEVEL", "ERROR")];
    let level = |args: &[&str], variables| iris(args, variables).settings.log.level;
    assert_eq!(level(&["--log-level", "DEBUG"], &variable), LogLevel::Error);
    assert_eq!(level(&["--debug"], &variable), LogLevel::Error);
    assert_eq!(
        warnings(&["--log-level", "DEBUG"], &variable),
        [r#"--log-level="DEBUG" is left out: SELDON_LOG_LEVEL="ERROR" comes first"#]
    );
    quiet(&["--log-level", "ERROR"], &variable);
    let empty = [("SELDON_LOG_LEVEL", ""), ("LOG_LEVEL_ENV", "ERROR")];
    assert_eq!(level(&["--log-level", "DEBUG"], &empty), LogLevel::Debug);
    assert_eq!(level(&["--debug"], &empty), LogLevel::Debug);
}

#[test]
fn the_name_of_the_program_chooses_defaults_and_a_variable_does_so_under_either_name() {
    const SELDON: &str = "/opt/bin/seldon-core-microservice";
    let found = |program, args: &[&str], variables: Variables<'_>| {
        let args: Vec<&str> = ["Iris"].iter().chain(args).copied().collect();
        let loaded = load_as(program, &args, variables, "").unwrap();
        assert_eq!(loaded.warnings, []);
        let Settings { rest, grpc, .. } = loaded.settings;
        let threads = [
            (rest.threads, rest.threads_are_default),
            (grpc.threads, grpc.threads_are_default),
        ];
        (loaded.settings.workers.defaults, threads)
    };
    let page = [("STREELING_DEFAULTS", "page")];
    let seldon = [("STREELING_DEFAULTS", "1.18.2")];
    let (tens, ones) = ([(10, true); 2], [(1, true); 2]);
    for (program, variables, expected) in [
        ("streeling", &[][..], (Defaults::Page, tens)),
        ("streeling", &seldon, (Defaults::SeldonCore, ones)),
        (SELDON, &[], (Defaults::SeldonCore, ones)),
        (SELDON, &page, (Defaults::Page, tens)),
        ("seldon-core-microservice.py", &[], (Defaults::Page, tens)),
        ("", &[], (Defaults::Page, tens)),
    ] {
        assert_eq!(found(program, &[], variables), expected, "{program}");
    }
    // A number that is set counts under either name; that of gRPC follows on the page alone.
    let set = ["--threads", "10"];
    assert_eq!(found("streeling", &set, &[]).1, [(10, false); 2]);
    assert_eq!(found(SELDON, &set, &[]).1, [(10, false), (1, true)]);
    let set = [("GRPC_THREADS", "4")];
    assert_eq!(found("streeling", &[], &set).1, [(10, true), (4, false)]);
    failure(&[], &[("STREELING_DEFAULTS", "1.18")]);
}

#[test]
fn threads_of_grpc_follow_and_single_threaded_beats_both() {
    let threads = |args: &[&str]| {
        let s = iris(args, &[]).settings;
        (s.rest.threads, s.grpc.threads)
    };
    assert_eq!(threads(&["--threads", "5"]), (5, 5));
    assert_eq!(threads(&["--threads", "5", "--grpc-threads", "3"]), (5, 3));
    assert_eq!(
        threads(&["--threads", "5", "--grpc-threads", "3", "--single-threaded"]),
        (1, 1)
    );
    assert_eq!(iris(&[], &[("GRPC_WORKERS", "0")]).settings.grpc.workers, 0);
}

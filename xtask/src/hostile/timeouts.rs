//! `grpc-timeout` in forms that are none.

use super::attack::{Attack, Came};
use super::bodies::text_of;
use super::target::Target;
use super::wire::{call, connect, run};

const MALFORMED: [&str; 7] = ["1", "S", "-1S", "1s", "1 S", "123456789S", "1.5S"];

pub(super) const ATTACK: Attack = Attack {
    name: "malformed grpc-timeout",
    sent: "`Predict` with `grpc-timeout` of 1, S, -1S, 1s, 1 S, 123456789S, 1.5S",
    right: "refused",
    run: attack,
    ..Attack::PLAIN
};

fn attack(target: &Target) -> anyhow::Result<Came> {
    run(async {
        let connection = connect(target.grpc).await?;
        let mut accepted = Vec::new();
        let mut last = String::new();
        for text in MALFORMED {
            let headers = [("grpc-timeout", text)];
            let path = "/seldon.protos.Model/Predict";
            let status = call(&connection, path, &headers, &[0x2a, 1, b'x'], false).await?;
            if status.code == Some(0) {
                accepted.push(text);
            }
            last = text_of(&status);
        }
        let right = accepted.is_empty();
        let text = if right {
            last
        } else {
            format!("accepted: {}", accepted.join(", "))
        };
        Ok(Came { text, right })
    })
}

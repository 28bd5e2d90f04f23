//! Who may come in: TLS and the bearer token.

use std::path::PathBuf;
use std::time::Duration;

use crate::annotations::NO_ENGINE;
use crate::context::Context;
use crate::draft::{Draft, Part};
use crate::environment::Environment;
use crate::error::{ConfigError, Invalid};
use crate::features::Features;
use crate::kind::{Bool, Count, File, Secret, Token, Words, words};
use crate::language::Language::English;
use crate::language::Text;
use crate::row::DefaultValue::{self, Typed};
use crate::row::Flag::{self, Value};
use crate::row::{Group, Row, Status, To};
use crate::sources::Sources;

/// Who may come in, on which ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// TLS; `None`: clients speak plain HTTP.
    pub tls: Option<Tls>,
    /// The token that requests must bring; `None`: they need none.
    pub token: Option<TokenSource>,
}

/// TLS on the ports of REST and gRPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities of clients; `None`: clients need no certificate.
    pub client_ca: Option<PathBuf>,
    /// The oldest version that is spoken.
    pub least: TlsVersion,
    /// How long a handshake may take. Never zero.
    pub handshake_timeout: Duration,
    /// Whether it is on the metrics port, too.
    pub metrics: bool,
}

words! {
    /// A version of TLS.
    TlsVersion {
        /// 1.2.
        Tls12 = "1.2",
        /// 1.3.
        Tls13 = "1.3",
    }
}

/// Where the bearer token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// A file, which may change.
    File(PathBuf),
    /// The variable that has it.
    Variable(Secret),
}

/// What rows write to, before it is clear whether it is whole.
#[derive(Debug)]
struct Typing {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    least: TlsVersion,
    handshake_timeout: Duration,
    metrics: bool,
    folder: Option<PathBuf>,
    certificate_name: PathBuf,
    key_name: PathBuf,
    token_file: Option<PathBuf>,
    token: Option<Secret>,
}

impl Part for Typing {
    fn blank() -> Self {
        Self {
            certificate: None,
            key: None,
            client_ca: None,
            least: TlsVersion::Tls12,
            handshake_timeout: Duration::ZERO,
            metrics: false,
            folder: None,
            certificate_name: PathBuf::new(),
            key_name: PathBuf::new(),
            token_file: None,
            token: None,
        }
    }
}

pub(super) static ROWS: &[&Row] = &[
    &TLS_CERT_FILE,
    &TLS_KEY_FILE,
    &TLS_CLIENT_CA_FILE,
    &TLS_MIN_VERSION,
    &TLS_METRICS,
    &TLS_HANDSHAKE_TIMEOUT,
    &AUTH_TOKEN_FILE,
    &AUTH_TOKEN,
    &MOUNT_PATH,
    &MOUNTED_CERTIFICATE,
    &MOUNTED_KEY,
];

pub(crate) static TLS_CERT_FILE: Row = Row {
    flag: Value("tls-cert-file"),
    variables: &["STREELING_TLS_CERT_FILE"],
    default: DefaultValue::None,
    value: &To(File, |typing: &mut Typing, path| {
        typing.certificate = Some(path);
    }),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "Certificate in PEM, with those of its authorities: REST and gRPC speak TLS",
        zh: "PEM 格式的证书及其颁发机构的证书链：REST 与 gRPC 使用 TLS",
    },
    detail: Text {
        en: "It and the key are read again when they change. A pair that cannot be used then is \
             logged, and the old one stays; at the start it ends the server with exit code 2.",
        zh: "证书和密钥变化时会重新读取。届时若无法使用，记录日志并保留旧的一对；\
             启动时无法使用则退出，退出码为 2。",
    },
};

pub(crate) static TLS_KEY_FILE: Row = Row {
    flag: Value("tls-key-file"),
    variables: &["STREELING_TLS_KEY_FILE"],
    default: DefaultValue::None,
    value: &To(File, |typing: &mut Typing, path| typing.key = Some(path)),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "Key of the certificate in PEM, without a password",
        zh: "证书的密钥，PEM 格式，不带密码",
    },
    detail: Text::NONE,
};

pub(crate) static TLS_CLIENT_CA_FILE: Row = Row {
    flag: Value("tls-client-ca-file"),
    variables: &["STREELING_TLS_CLIENT_CA_FILE"],
    default: DefaultValue::None,
    value: &To(File, |typing: &mut Typing, path| {
        typing.client_ca = Some(path);
    }),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "Authorities in PEM: clients must have a certificate of one of them",
        zh: "PEM 格式的颁发机构证书：客户端必须持有其中之一签发的证书",
    },
    detail: Text {
        en: "It holds for probes on these ports, too. Revocation lists are not read.",
        zh: "对这些端口上的探针同样有效。不读取吊销列表。",
    },
};

static TLS_MIN_VERSION: Row = Row {
    flag: Value("tls-min-version"),
    variables: &["STREELING_TLS_MIN_VERSION"],
    default: Typed("1.2"),
    value: &To(Words::<TlsVersion>::ALL, |typing: &mut Typing, version| {
        typing.least = version;
    }),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "Oldest version of TLS that is spoken",
        zh: "所用 TLS 的最低版本",
    },
    detail: Text::NONE,
};

static TLS_METRICS: Row = Row {
    flag: Value("tls-metrics"),
    variables: &["STREELING_TLS_METRICS"],
    default: Typed("0"),
    value: &To(Bool, |typing: &mut Typing, on| typing.metrics = on),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "TLS on the metrics port, too",
        zh: "指标端口也使用 TLS",
    },
    detail: Text {
        en: "Its probes, /live and /ready, then need scheme: HTTPS, and a certificate where \
             clients must have one.",
        zh: "其探针 /live 和 /ready 此时需要 scheme: HTTPS；若要求客户端证书，探针也需要证书。",
    },
};

static TLS_HANDSHAKE_TIMEOUT: Row = Row {
    flag: Value("tls-handshake-timeout"),
    variables: &["STREELING_TLS_HANDSHAKE_TIMEOUT"],
    default: Typed("10"),
    value: &To(
        Count {
            least: 1,
            most: 3600,
        },
        |typing: &mut Typing, seconds| {
            typing.handshake_timeout = Duration::from_secs(seconds.into());
        },
    ),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "Seconds that a client may take for its TLS handshake",
        zh: "客户端完成 TLS 握手可用的秒数",
    },
    detail: Text::NONE,
};

pub(crate) static AUTH_TOKEN_FILE: Row = Row {
    flag: Value("auth-token-file"),
    variables: &["STREELING_AUTH_TOKEN_FILE"],
    default: DefaultValue::None,
    value: &To(File, |typing: &mut Typing, path| {
        typing.token_file = Some(path);
    }),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "File of the bearer token that requests must bring",
        zh: "请求必须携带的 bearer token 所在的文件",
    },
    detail: Text {
        en: "Each line is a token, 16 at most, and any of them counts, so that one can take the \
             other's place. Requests without one get 401, over gRPC UNAUTHENTICATED; probes and \
             metrics need none. The file is read again when it changes.",
        zh: "每行一个 token，最多 16 个，任何一个都有效，便于轮换。未携带的请求返回 401，\
             gRPC 返回 UNAUTHENTICATED；探针和指标不需要 token。文件变化时会重新读取。",
    },
};

pub(crate) static AUTH_TOKEN: Row = Row {
    flag: Flag::None,
    variables: &["STREELING_AUTH_TOKEN"],
    default: DefaultValue::None,
    value: &To(Token, |typing: &mut Typing, token| {
        typing.token = Some(token);
    }),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "The bearer token itself",
        zh: "bearer token 本身",
    },
    detail: Text {
        en: "There is no flag for it, as everyone on the machine can read command lines. It is \
             taken out of the workers' environment. An empty one ends the server with exit code 2.",
        zh: "没有对应的命令行参数，因为本机任何人都能读到命令行。它会从工作进程的环境变量中移除。\
             值为空时退出，退出码为 2。",
    },
};

static MOUNT_PATH: Row = Row {
    flag: Flag::None,
    variables: &["SELDON_CERT_MOUNT_PATH"],
    default: DefaultValue::None,
    value: &To(File, |typing: &mut Typing, path| typing.folder = Some(path)),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "The operator's folder of certificate and key, where the annotation \
             seldon.io/no-engine is true",
        zh: "Operator 挂载证书和密钥的目录，在注解 seldon.io/no-engine 为 true 时生效",
    },
    detail: Text {
        en: "Behind the orchestrator, which has TLS itself and speaks plain HTTP to components, it \
             is left out with a warning. --tls-cert-file comes before it.",
        zh: "位于编排器之后时忽略并输出警告，因为编排器自己使用 TLS，与组件之间是普通 HTTP。\
             --tls-cert-file 优先于它。",
    },
};

static MOUNTED_CERTIFICATE: Row = Row {
    flag: Flag::None,
    variables: &["SELDON_CERT_FILE_NAME"],
    default: Typed("tls.crt"),
    value: &To(File, |typing: &mut Typing, name| {
        typing.certificate_name = name;
    }),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "Name of the certificate in the operator's folder",
        zh: "Operator 目录中证书的文件名",
    },
    detail: Text::NONE,
};

static MOUNTED_KEY: Row = Row {
    flag: Flag::None,
    variables: &["SELDON_CERT_KEY_FILE_NAME"],
    default: Typed("tls.key"),
    value: &To(File, |typing: &mut Typing, name| typing.key_name = name),
    group: Group::Security,
    status: Status::Active,
    meaning: Text {
        en: "Name of the key in the operator's folder",
        zh: "Operator 目录中密钥的文件名",
    },
    detail: Text::NONE,
};

/// What was typed, as a whole.
pub(crate) fn security(
    features: Features,
    sources: &Sources,
    context: &mut Context<'_>,
    draft: &mut Draft,
) -> Result<Security, ConfigError> {
    let mut typing: Typing = draft.take();
    if typing.certificate.is_none()
        && typing.key.is_none()
        && let Some(folder) = typing.folder.take()
    {
        if context.has(NO_ENGINE, "true") {
            typing.certificate = Some(folder.join(&typing.certificate_name));
            typing.key = Some(folder.join(&typing.key_name));
        } else {
            context.warn(format!(
                "{MOUNT_PATH} is left out: TLS is the orchestrator's, as the annotation \
                 {NO_ENGINE} is not true; {TLS_CERT_FILE} counts in any case"
            ));
        }
    }
    let Typing {
        certificate,
        key,
        client_ca,
        least,
        handshake_timeout,
        metrics,
        token_file,
        token,
        ..
    } = typing;
    let has_token = token.is_some() || token_file.is_some();
    for (row, is_set) in [
        (&AUTH_TOKEN, has_token),
        (&AUTH_TOKEN_FILE, has_token),
        (&TLS_CERT_FILE, certificate.is_some()),
        (&TLS_KEY_FILE, key.is_some()),
        (&TLS_CLIENT_CA_FILE, client_ca.is_some()),
    ] {
        if !is_set {
            refuse_empty(context.environment, row)?;
        }
    }
    let incomplete = |given: &Row, missing: &Row| {
        Err(ConfigError::Incomplete {
            given: given.to_string(),
            missing: missing.to_string(),
        })
    };
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(Tls {
            certificate,
            key,
            client_ca,
            least,
            handshake_timeout,
            metrics,
        }),
        (Some(_), None) => return incomplete(&TLS_CERT_FILE, &TLS_KEY_FILE),
        (None, Some(_)) => return incomplete(&TLS_KEY_FILE, &TLS_CERT_FILE),
        (None, None) if client_ca.is_some() => {
            return incomplete(&TLS_CLIENT_CA_FILE, &TLS_CERT_FILE);
        }
        (None, None) if metrics => return incomplete(&TLS_METRICS, &TLS_CERT_FILE),
        (None, None) => None,
    };
    if tls.is_some() && !features.tls {
        let row = [&TLS_CERT_FILE, &MOUNT_PATH]
            .into_iter()
            .find_map(|row| Some((row, sources.get(row)?)));
        let (names, origin) = row.map_or_else(Default::default, |(row, source)| {
            (row.to_string(), source.describe())
        });
        return Err(ConfigError::NotBuilt {
            names,
            origin,
            part: "TLS",
            feature: "tls",
        });
    }
    let token = match (token_file, token) {
        (Some(_), Some(_)) => {
            return Err(ConfigError::Both {
                first: AUTH_TOKEN_FILE.to_string(),
                second: AUTH_TOKEN.to_string(),
            });
        }
        (Some(file), None) => Some(TokenSource::File(file)),
        (None, Some(token)) => Some(TokenSource::Variable(token)),
        (None, None) => None,
    };
    Ok(Security { tls, token })
}

/// Elsewhere an empty variable counts as unset. Here it is a secret that is missing, and without
/// it everyone would be let in, or could listen.
fn refuse_empty(environment: &Environment, row: &Row) -> Result<(), ConfigError> {
    for name in row.variables {
        if environment.raw(name).is_some() {
            return Err(ConfigError::from(Invalid {
                names: row.to_string(),
                source: format!("the variable {name}"),
                seen: "an empty value".to_owned(),
                why: Some("it would protect nothing; unset it if that is meant".to_owned()),
                allowed: row.value.allowed(English),
            }));
        }
    }
    Ok(())
}

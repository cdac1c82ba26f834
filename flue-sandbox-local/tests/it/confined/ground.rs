//! What probes find around them: a home with secrets, another process, sockets, and descriptors that were left open.

use std::io::Write as _;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};

use flue_sandbox_local::Local;

/// What must not be seen.
pub(crate) const SECRET: &str = "TOPSECRET";
/// Files of a home directory that have it in them.
const SECRETS: &[&str] = &[
    ".ssh/id_ed25519",
    ".netrc",
    ".aws/credentials",
    ".config/gh/hosts.yml",
    ".cargo/credentials.toml",
    ".bash_history",
    ".mozilla/firefox/x.default/logins.json",
    ".local/share/flue/sessions.db",
    "dotfiles/docker/config.json",
];

/// What all probes share.
pub(crate) struct Ground {
    base: PathBuf,
    next: AtomicUsize,
    planted: PathBuf,
    port: u16,
    abstract_name: String,
    leak_write: std::fs::File,
    leak_read: std::fs::File,
    _listening: (std::net::TcpListener, std::net::UdpSocket, UnixListener, UnixListener, UnixDatagram),
}

/// What one probe has for itself.
pub(crate) struct Plot {
    pub(crate) dir: PathBuf,
    victim: Child,
}

impl Ground {
    /// Below `base`, which must not be a directory that is replaced for commands: or nothing would be there to be attacked.
    pub(crate) fn new(base: PathBuf) -> Self {
        std::fs::create_dir_all(&base).unwrap();
        let base = base.canonicalize().unwrap();
        let template = base.join("template");
        let git = Command::new("git").args(["init", "-q"]).arg(&template).status().unwrap();
        assert!(git.success());
        let planted = PathBuf::from(format!("/tmp/flue-planted-{}", std::process::id()));
        std::fs::write(&planted, SECRET).unwrap();
        let socket = base.join("socket");
        let abstract_name = format!("flue-probe-{}", std::process::id());
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let udp = std::net::UdpSocket::bind(("127.0.0.1", port)).unwrap();
        serve(tcp.try_clone().unwrap(), udp.try_clone().unwrap());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let listening = (
            tcp,
            udp,
            UnixListener::bind(&socket).unwrap(),
            UnixListener::bind_addr(&address).unwrap(),
            UnixDatagram::bind(socket.with_extension("datagram")).unwrap(),
        );
        let left = base.join("left-open");
        std::fs::write(&left, SECRET).unwrap();
        let leak_read = leak(std::fs::File::open(&left).unwrap());
        let leak_write = leak(std::fs::File::create(base.join("left-open-too")).unwrap());
        let next = AtomicUsize::new(0);
        Self { base, next, planted, port, abstract_name, leak_write, leak_read, _listening: listening }
    }

    /// A plot of its own for a probe.
    pub(crate) fn plot(&self) -> Plot {
        let dir = self.base.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir_all(dir.join("out")).unwrap();
        std::fs::write(dir.join("out/victim"), "0123456789").unwrap();
        copy(&self.base.join("template"), &dir.join("work"));
        let home = dir.join("home");
        for path in SECRETS.iter().chain(&["notes.txt", ".local/bin/ls", ".gitconfig"]) {
            let path = home.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "plain\n").unwrap();
        }
        SECRETS.iter().for_each(|path| std::fs::write(home.join(path), SECRET).unwrap());
        std::os::unix::fs::symlink("dotfiles/docker", home.join(".docker")).unwrap();
        let victim = Command::new("sleep").arg("600").spawn().unwrap();
        Plot { dir, victim }
    }

    /// The sandbox of a plot with what probes are told.
    pub(crate) fn local(&self, plot: &Plot) -> Local {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let home = plot.dir.join("home");
        Local::new(plot.dir.join("work"))
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("WORK", text(&plot.dir.join("work")))
            .env("OUT", text(&plot.dir.join("out")))
            .env("HOST_HOME", text(&home))
            .env("SECRET", text(&home.join(SECRETS[0])))
            .env("HARNESS", std::process::id().to_string())
            .env("VICTIM", plot.victim.id().to_string())
            .env("PORT", self.port.to_string())
            .env("SOCKET", text(&self.base.join("socket")))
            .env("ABSTRACT", &self.abstract_name)
            .env("PLANTED", text(&self.planted))
            .env("LEAK_WRITE", self.leak_write.as_raw_fd().to_string())
            .env("LEAK_READ", self.leak_read.as_raw_fd().to_string())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.planted);
        let _ = std::fs::remove_dir_all(&self.base);
    }
}

impl Plot {
    /// Whether the victim lives, and at its old pace.
    pub(crate) fn victim_lives(&mut self) -> bool {
        self.victim.try_wait().unwrap().is_none()
    }
}

impl Drop for Plot {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// Leaves a descriptor to every process that is started, as careless programs do.
fn leak(file: std::fs::File) -> std::fs::File {
    rustix::io::fcntl_setfd(file.as_fd(), rustix::io::FdFlags::empty()).unwrap();
    file
}

/// Answers whoever comes.
fn serve(tcp: std::net::TcpListener, udp: std::net::UdpSocket) {
    std::thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 9];
        while let Ok((_, from)) = udp.recv_from(&mut buffer) {
            let _ = udp.send_to(b"hi", from);
        }
    });
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

//! Syslog over TLS, TCP and UDP. A daemon answers nothing: what can be told is whether it took what was sent.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::super::channel::{Answer, SyslogCarrier, SyslogServer};
use super::{CONNECT_TIMEOUT, SendError, trust};

/// How long the daemon has to take what was sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the daemon has to close the connection once everything is said. One that keeps it open has taken it all the same.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn send(server: &SyslogServer, message: &[u8]) -> Result<Answer, SendError> {
    let (server, message) = (server.clone(), message.to_vec());
    let sending = tokio::task::spawn_blocking(move || match server.carrier {
        SyslogCarrier::Udp => datagram(&server, &message),
        SyslogCarrier::Tcp => stream(&server).and_then(|tcp| {
            say(&tcp, &message)?;
            tcp.shutdown(Shutdown::Write).map_err(lost)?;
            farewell(&tcp)
        }),
        SyslogCarrier::Tls => over_tls(&server, &message),
    });
    sending.await.map_err(|error| SendError::Setup(error.into()))??;
    Ok(Answer::Sent)
}

fn lost(error: std::io::Error) -> SendError {
    SendError::Unreachable(error.into())
}

fn stream(server: &SyslogServer) -> Result<TcpStream, SendError> {
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let addresses = (host, server.port).to_socket_addrs().map_err(lost)?;
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(tcp) => {
                tcp.set_write_timeout(Some(WRITE_TIMEOUT)).map_err(lost)?;
                tcp.set_read_timeout(Some(WRITE_TIMEOUT)).map_err(lost)?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(lost(last))
}

fn datagram(server: &SyslogServer, message: &[u8]) -> Result<(), SendError> {
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let address = (host, server.port).to_socket_addrs().map_err(lost)?.next();
    let address = address.ok_or_else(|| lost(std::io::Error::new(ErrorKind::NotFound, "the name has no address")))?;
    let local = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(local).map_err(lost)?;
    socket.send_to(message, address).map(drop).map_err(lost)
}

fn over_tls(server: &SyslogServer, message: &[u8]) -> Result<(), SendError> {
    let config = trust::config(server.ca_file.as_deref())?;
    let name = ServerName::try_from(server.host.trim_start_matches('[').trim_end_matches(']').to_owned());
    let name = name.map_err(|error| SendError::Setup(error.into()))?;
    let connection = ClientConnection::new(config, name).map_err(|error| SendError::Setup(error.into()))?;
    let mut tls = StreamOwned::new(connection, stream(server)?);
    say(&mut tls, message)?;
    tls.conn.send_close_notify();
    tls.flush().map_err(lost)?;
    tls.sock.shutdown(Shutdown::Write).map_err(lost)?;
    tls.sock.set_read_timeout(Some(FAREWELL_TIMEOUT)).map_err(lost)?;
    read_to_end(&mut tls)
}

/// Sends one frame: how many octets, a space, the message.
fn say(mut stream: impl Write, message: &[u8]) -> Result<(), SendError> {
    let frame = [format!("{} ", message.len()).as_bytes(), message].concat();
    stream.write_all(&frame).and_then(|()| stream.flush()).map_err(lost)
}

fn farewell(mut tcp: &TcpStream) -> Result<(), SendError> {
    tcp.set_read_timeout(Some(FAREWELL_TIMEOUT)).map_err(lost)?;
    read_to_end(&mut tcp)
}

/// Waits until the other side closes too. A connection that is reset, or an alert of TLS, says that it did not take the message.
fn read_to_end(stream: &mut impl Read) -> Result<(), SendError> {
    let mut rest = [0; 1024];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => {
                return match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::UnexpectedEof => Ok(()),
                    _ => Err(lost(error)),
                };
            }
        }
    }
}

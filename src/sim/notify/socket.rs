//! The sockets: what the API says on them, as it is told to.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, interval_at};

use super::super::gate::Gate;
use super::channels::Frame;

/// Below this path are the sockets of channels.
pub(in crate::sim) const SOCKET_PATH: &str = "/channels/";

/// How often a socket says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Takes a connection to a channel. What happens from now on is kept for it, however long it takes to be a socket.
pub(in crate::sim) async fn connect(
    State(gate): State<Arc<Gate>>,
    Path(id): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    match gate.notifications.attach(&id, gate.now()) {
        Some(frames) => upgrade.on_upgrade(move |socket| serve(socket, frames, gate)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve(mut socket: WebSocket, mut frames: UnboundedReceiver<Frame>, gate: Arc<Gate>) {
    let mut heartbeats = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    loop {
        let text = tokio::select! {
            frame = frames.recv() => match frame {
                Some(Frame::Text(text)) => Some(text),
                Some(Frame::Close) => {
                    // Whoever is gone already needs no farewell.
                    let _ = socket.send(Message::Close(None)).await;
                    return;
                }
                Some(Frame::Drop) | None => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => gate.notifications.reply(&text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => None,
            },
            _ = heartbeats.tick() => gate.notifications.due_heartbeat(gate.now()),
        };
        if let Some(text) = text
            && socket.send(Message::Text(text.into())).await.is_err()
        {
            return;
        }
    }
}

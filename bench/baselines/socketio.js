// Socket.IO with one room; without pings, because the chat server under test sends none either.
const { createServer } = require("http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  pingInterval: 600000,
  pingTimeout: 600000,
});
io.on("connection", (socket) => {
  socket.join("room");
  socket.on("m", (message) => io.to("room").emit("m", message));
});
http.listen(Number(process.argv[2]), "127.0.0.1", 4096);

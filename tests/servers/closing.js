// The same with a handler for TERM.
const http = require("http");
const server = http.createServer((request, response) => {
  setTimeout(() => response.end("hello\n"), request.url === "/slow" ? process.env.SLOW_S * 1000 : 0);
});
process.on("SIGTERM", () => server.close());
server.listen(process.argv[2], "127.0.0.1");

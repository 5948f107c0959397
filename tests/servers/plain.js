// A server as the introductions write it: nothing about signals.
const http = require("http");
http.createServer((request, response) => {
  setTimeout(() => response.end("hello\n"), request.url === "/slow" ? process.env.SLOW_S * 1000 : 0);
}).listen(process.argv[2], "127.0.0.1");

// Node's own fetch (undici).

const rest = process.env.REST;

// A value as text in which the order of keys does not count.
function text(value) {
  const sorted = (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort())
      : part;
  return JSON.stringify(value, sorted);
}

function check(what, found, expected) {
  const [left, right] = [text(found), text(expected)];
  if (left !== right) {
    throw new Error(`${what}: expected ${right}, got ${left}`);
  }
}

async function post(path, body, headers) {
  const options = { method: "POST", body, headers, duplex: "half" };
  return (await fetch(rest + path, options)).json();
}

const json = (message) => post("/predict", JSON.stringify(message), { "content-type": "application/json" });

const ndarray = { data: { names: ["a", "b"], ndarray: [[1.5, -2.25]] } };
const mirrored = { data: { names: ["t:0", "t:1"], ndarray: [[1.5, -2.25]] }, meta: {} };
check("ndarray", await json(ndarray), mirrored);
const tensor = { shape: [1, 2], values: [1, 2] };
check("tensor", await json({ data: { tensor } }), { data: { names: ["t:0", "t:1"], tensor }, meta: {} });
for (const message of [{ strData: "größer 😀" }, { binData: "AAEC/w==" }, { jsonData: { a: [1, null] } }]) {
  check("message", await json(message), { ...message, meta: {} });
}
check("urlencoded", await post("/predict", new URLSearchParams({ json: JSON.stringify(ndarray) })), mirrored);

const form = new FormData();
form.set("binData", new File([new Uint8Array([0, 1, 255])], "größer.bin"));
check("multipart", await post("/predict", form), { binData: "AAH/", meta: {} });

const encoder = new TextEncoder();
const parts = new ReadableStream({
  start(controller) {
    controller.enqueue(encoder.encode('{"data":{"ndarray":[[0'));
    for (let first = 1; first <= 20000; first += 1000) {
      const numbers = Array.from({ length: 1000 }, (_, index) => `,${first + index}`);
      controller.enqueue(encoder.encode(numbers.join("")));
    }
    controller.enqueue(encoder.encode("]]}}"));
    controller.close();
  },
});
const streamed = await post("/predict", parts, { "content-type": "application/json" });
check("stream", streamed.data.ndarray, [[200010000]]);

const feedback = { request: ndarray, response: mirrored, reward: 1, truth: { data: { ndarray: [1] } } };
check("feedback", await post("/send-feedback", JSON.stringify(feedback), { "content-type": "application/json" }), {
  strData: "received",
  meta: {},
});
const head = await fetch(`${rest}/health/ping`, { method: "HEAD" });
check("head", [head.status, await head.text()], [200, ""]);
check("ping", await (await fetch(`${rest}/health/ping`)).text(), "pong");
check("no route", (await fetch(`${rest}/nowhere`)).status, 404);
const many = await Promise.all([1, 2, 3].map((number) => json({ data: { ndarray: [number] } })));
check("at once", many.map((response) => response.data.ndarray[0]), [1, 2, 3]);
console.log(`fetch of Node ${process.version}`);

// Runs the network beside the page. It is a classic worker: Chromium refuses module workers to
// pages that are opened from disk, but lets a classic one import a module from a blob.
let ort, session;

async function unpacked(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const actions = {
  async start({ runtime, wasm, model }) {
    const script = new Blob([await unpacked(runtime)], { type: "text/javascript" });
    ort = await import(URL.createObjectURL(script));
    ort.env.wasm.numThreads = 1; // threads need shared memory, which pages from disk are refused
    ort.env.wasm.wasmBinary = await unpacked(wasm);
    session = await ort.InferenceSession.create(await unpacked(model));
  },
  async translate({ values, dims }) {
    const input = { [session.inputNames[0]]: new ort.Tensor("float32", values, dims) };
    const output = (await session.run(input))[session.outputNames[0]];
    return { values: output.data, dims: output.dims };
  },
};

onmessage = async ({ data: [action, given] }) => {
  try {
    postMessage({ result: await actions[action](given) });
  } catch (error) {
    postMessage({ error: error?.message ?? String(error) });
  }
};

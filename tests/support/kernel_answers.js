// Runs code in a new kernel of the server whose JupyterLab the page shows.
async (code) => {
  const base = JSON.parse(document.getElementById('jupyter-config-data').textContent).baseUrl;
  const xsrf = document.cookie.match(/_xsrf=([^;]+)/);
  const headers = {'Content-Type': 'application/json', 'X-XSRFToken': xsrf ? xsrf[1] : ''};
  const made = await fetch(base + 'api/kernels', {method: 'POST', headers, body: '{}'});
  if (!made.ok) return 'kernels: ' + made.status + ' ' + await made.text();
  const kernel = await made.json();
  const url = location.origin.replace('http', 'ws') + base + 'api/kernels/' + kernel.id + '/channels';
  return await new Promise((resolve) => {
    const socket = new WebSocket(url);
    // Not randomUUID, which browsers keep from pages that came without encryption.
    const name = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join('-');
    const session = name();
    const send = (type, content) => {
      const id = name();
      socket.send(JSON.stringify({
        header: {msg_id: id, username: '', session, msg_type: type, version: '5.3',
                 date: new Date().toISOString()},
        parent_header: {}, metadata: {}, channel: 'shell', buffers: [], content,
      }));
      return id;
    };
    // What a kernel is sent, or says, before both of its channels are connected may be lost. So
    // it is asked who it is, again and again, until it has answered on both; then it gets the code.
    const asked = new Set();
    const answered = new Set();
    let executed = '';
    let asking = 0;
    const done = (answer) => {
      clearInterval(asking);
      socket.onclose = null;
      socket.close();
      resolve(answer);
    };
    const ask = () => asked.add(send('kernel_info_request', {}));
    socket.onopen = () => { ask(); asking = setInterval(ask, 1000); };
    socket.onmessage = (event) => {
      const {msg_type: type, parent_header: parent, content} = JSON.parse(event.data);
      if (executed && parent.msg_id === executed) {
        if (type === 'execute_result') done(content.data['text/plain']);
        if (type === 'error') done(content.ename + ': ' + content.evalue);
      } else if (!executed && asked.has(parent.msg_id)) {
        if (type === 'kernel_info_reply') answered.add('shell');
        if (type === 'status' && content.execution_state === 'idle') answered.add('iopub');
        if (answered.size < 2) return;
        clearInterval(asking);
        executed = send('execute_request', {
          code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false,
        });
      }
    };
    socket.onerror = () => done('socket error');
    socket.onclose = (event) => done('socket closed: ' + event.code);
    setTimeout(() => done(executed ? 'no answer' : 'the kernel never got ready'), 120000);
  });
}

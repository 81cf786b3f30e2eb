// What every request's test may call. What is to be kept for later requests is set in the request's own script: what
// a script sets after its end, by a function that others call, is lost. `given` is a variable, whoever set it.
given = (name) => pm.variables.replaceIn(`{{${name}}}`);
// The three steps' replies have keys of their own; all others are code, message, results and system_errors.
keysOf = (path) => ({
    '/upload_imgs': ['upload_code', 'upload_message', 'upload_results'],
    '/upload_db': ['result_code', 'result_message', 'upload_results'],
    '/verify': ['recognition_code', 'recognition_message', 'recognition_results'],
}[path] || ['code', 'message', 'results']);
status = (statuses) => pm.test(`HTTP status ${statuses.join(' or ')}`, () => pm.expect(statuses).to.include(pm.response.code));
requestId = () => pm.test('a request id', () => pm.expect(pm.response.headers.get('X-Request-ID')).to.match(/^[A-Za-z0-9._-]{1,64}$/));
answers = (numbers, statuses) => {
    const body = pm.response.json();
    const [code, message, results] = keysOf(pm.request.url.getPath());
    const why = `${body[code]} ${body[message]} ${(body[results] || {}).advice || ''}`;
    pm.test(`code ${numbers.join(' or ')}`, () => pm.expect(numbers, why).to.include(body[code]));
    status(statuses);
    pm.test('exactly the four keys', () => pm.expect(Object.keys(body)).to.have.members([code, message, results, 'system_errors']));
    pm.test('the message says something', () => pm.expect(body[message]).to.be.a('string').and.not.empty);
    if (numbers.includes(176)) pm.test('every fault of the settings', () => pm.expect(body.system_errors.env_errs).to.not.be.empty);
    else pm.test('no fault in the settings', () => pm.expect(body.system_errors).to.equal(null));
    requestId();
    return body;
};
// Every refusal says what to do; `wrong` is the field that is wrong, if it is one.
refuses = (numbers, statuses, wrong) => {
    const body = answers(numbers, statuses);
    const told = body[keysOf(pm.request.url.getPath())[2]];
    pm.test('advice, and whether to send the same request again', () => {
        pm.expect(told.advice).to.be.a('string').and.not.empty;
        pm.expect(told.retry).to.be.a('boolean');
    });
    if (wrong) pm.test(`the field ${wrong}`, () => pm.expect(told.field).to.equal(wrong));
    return body;
};
// Codes inside results say what a step found; they are values, wherever they are.
values = (node) => (node !== null && typeof node === 'object' ? Object.values(node).flatMap(values) : [node]);
inside = (numbers, body) => pm.test(`${numbers.join(' and ')} inside`, () => pm.expect(values(body)).to.include.members(numbers));
// Replies in another form: a picture, a page, or another service's JSON.
answersOwn = (statuses) => {
    status(statuses);
    requestId();
    return /json/.test(pm.response.headers.get('Content-Type')) ? pm.response.json() : null;
};

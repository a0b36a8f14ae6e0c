// A stock Uppy with the configuration that docs/api.md shows, and nothing of the dashboard.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

async function post(path, token, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const said = await answer.json()
  if (!answer.ok) throw new Error(said.detail)
  return said
}

// `onPart` is called with the number of parts that arrived so far.
window.begin = (token, onPart = () => {}) => {
  const uppy = new Uppy({ autoProceed: false }).use(AwsS3, {
    shouldUseMultipart: (file) => file.size > 10 * 2 ** 20,
    generateObjectKey: (file) => file.meta.key,
    signRequest: (request) =>
      post(`/api/chat/attachments/${request.key.split('/')[1]}/sign/`, token, request),
  })
  let arrived = 0
  uppy.on('s3-multipart:part-uploaded', () => onPart(++arrived, uppy))
  window.uppy = uppy
}

window.add = (key) => {
  const [file] = document.querySelector('input').files
  return window.uppy.addFile({ name: file.name, type: file.type, data: file, meta: { key } })
}

// What became of it, in one word, or the error's own words.
window.outcome = async (started) => {
  const { successful, failed } = await started
  if (failed.length) return String(failed[0].error)
  return successful.length ? 'uploaded' : 'nothing'
}

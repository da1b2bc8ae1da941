// Uploads: first to a temporary file below the application like LibreChat, then to S3.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import express from 'express';
import multer from 'multer';

export function fileRoutes({ env, root, logger }) {
  const router = express.Router();
  const upload = multer({
    storage: multer.diskStorage({
      // Not caught, like in LibreChat: on a read-only tree the first upload ends the server.
      destination: (_request, _file, done) => {
        const directory = path.join(root, 'uploads', 'temp', 'standin');
        fs.mkdirSync(directory, { recursive: true });
        done(null, directory);
      },
      filename: (_request, file, done) => done(null, `${crypto.randomUUID()}__${file.originalname}`),
    }),
    limits: { fileSize: 20 * 1024 * 1024 },
  });

  router.post('/upload', upload.single('file'), async (request, response) => {
    const { path: temporary, filename, originalname, mimetype, size } = request.file ?? {};
    if (!temporary) {
      return response.status(400).json({ message: 'No file provided' });
    }
    const body = await fs.promises.readFile(temporary);
    const sha256 = crypto.createHash('sha256').update(body).digest('hex');
    const answer = { file_id: filename, filename: originalname, type: mimetype, bytes: size, sha256 };
    if (!env.AWS_BUCKET_NAME) {
      return response.json({ ...answer, source: 'local', filepath: temporary });
    }
    try {
      const s3 = await s3Client(env);
      const Key = `uploads/standin/${filename}`;
      await s3.put({ Bucket: env.AWS_BUCKET_NAME, Key, Body: body, ContentType: mimetype });
      return response.json({ ...answer, source: 's3', filepath: `s3://${env.AWS_BUCKET_NAME}/${Key}` });
    } finally {
      await fs.promises.rm(temporary, { force: true });
    }
  });

  router.get('/download/:id', async (request, response) => {
    const s3 = await s3Client(env);
    const Key = `uploads/standin/${path.basename(request.params.id)}`;
    const object = await s3.get({ Bucket: env.AWS_BUCKET_NAME, Key });
    logger.info(`Download of ${Key}`);
    response.type(object.ContentType);
    object.Body.pipe(response);
  });
  return router;
}

/** LibreChat's S3 client, its way of passing credentials included. */
async function s3Client(env) {
  const { S3Client, PutObjectCommand, GetObjectCommand } = await import('@aws-sdk/client-s3');
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const explicit = accessKeyId && secretAccessKey;
  if (explicit && accessKeyId.startsWith('ASIA')) {
    // LibreChat passes the two keys without the session token. AWS refuses a role's temporary keys
    // then; the embedded S3 does not check, so the refusal is repeated here.
    throw new Error('InvalidAccessKeyId: temporary credentials were used without their session token');
  }
  const client = new S3Client({
    region: env.AWS_REGION,
    ...(explicit ? { credentials: { accessKeyId, secretAccessKey } } : {}),
  });
  return {
    put: (input) => client.send(new PutObjectCommand(input)),
    get: (input) => client.send(new GetObjectCommand(input)),
  };
}
